//! Who is in which cell of 32 m: a dense grid, filled anew each tick by a counting sort.

use std::ops::Range;

use shallot_wire::limits::CELL_SHIFT;
use shallot_wire::{Cell, Position, Rect};

use crate::limits::ENTITIES;

/// The cells of a region, row by row from the south-west.
#[derive(Clone, Debug)]
pub(crate) struct Grid {
    first: Cell,
    columns: usize,
    rows: usize,
    /// Where each cell begins in `slots`; one more at the end.
    starts: Vec<u32>,
    slots: Vec<u16>,
}

/// Cells from west to east and from south to north, all included, as distances from the grid's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) west: usize,
    pub(crate) east: usize,
    pub(crate) south: usize,
    pub(crate) north: usize,
}

impl Grid {
    /// An empty grid over a region.
    pub(crate) fn new(bounds: Rect) -> Self {
        let first = Cell::of(Position { x: bounds.min_x, y: bounds.min_y });
        let last = Cell::of(Position { x: bounds.max_x.saturating_sub(1), y: bounds.max_y.saturating_sub(1) });
        let along = |from: i16, to: i16| usize::from(to.saturating_sub(from).max(0).unsigned_abs()) + 1;
        let (columns, rows) = (along(first.x, last.x), along(first.y, last.y));
        Self { first, columns, rows, starts: vec![0; columns * rows + 1], slots: Vec::with_capacity(ENTITIES) }
    }

    /// The column and row of a position; beyond the region the nearest ones.
    fn place(&self, p: Position) -> (usize, usize) {
        let cell = Cell::of(p);
        let along = |v: i16, first: i16, count: usize| {
            usize::from(v.saturating_sub(first).max(0).unsigned_abs()).min(count - 1)
        };
        (along(cell.x, self.first.x, self.columns), along(cell.y, self.first.y, self.rows))
    }

    /// The number of the cell that a position lies in.
    pub(crate) fn index_of(&self, p: Position) -> usize {
        let (column, row) = self.place(p);
        self.index(column, row)
    }

    /// The number of a cell by its column and row.
    pub(crate) fn index(&self, column: usize, row: usize) -> usize {
        row * self.columns + column
    }

    /// The cell of a number, as datagrams name it.
    pub(crate) fn cell_at(&self, index: usize) -> Cell {
        self.cell(index % self.columns, index / self.columns)
    }

    /// The cell of a column and row, as datagrams name it.
    fn cell(&self, column: usize, row: usize) -> Cell {
        let along = |first: i16, n: usize| first.saturating_add(i16::try_from(n).unwrap_or(i16::MAX));
        Cell { x: along(self.first.x, column), y: along(self.first.y, row) }
    }

    /// Fills it: each slot with the number of its cell. Within a cell slots keep their order.
    pub(crate) fn fill(&mut self, tenants: &[(u16, usize)]) {
        self.starts.fill(0);
        for &(_, cell) in tenants {
            self.starts[cell + 1] += 1;
        }
        for cell in 1..self.starts.len() {
            self.starts[cell] += self.starts[cell - 1];
        }
        self.slots.clear();
        self.slots.resize(tenants.len(), 0);
        // Each cell's start moves on while it is filled, and is moved back after.
        for &(slot, cell) in tenants {
            self.slots[self.starts[cell] as usize] = slot;
            self.starts[cell] += 1;
        }
        self.starts.rotate_right(1);
        self.starts[0] = 0;
    }

    /// Where those in a cell stand in [`Grid::slots`].
    pub(crate) fn range(&self, cell: usize) -> Range<usize> {
        let bounds = self.starts.get(cell).zip(self.starts.get(cell + 1));
        bounds.map_or(0..0, |(from, to)| *from as usize..*to as usize)
    }

    /// All slots, cell by cell.
    pub(crate) fn slots(&self) -> &[u16] {
        &self.slots
    }

    /// Who is in a cell, by slot.
    fn in_cell(&self, cell: usize) -> &[u16] {
        self.slots.get(self.range(cell)).unwrap_or_default()
    }

    /// The cells that have a point at most `reach` units away along both axes.
    pub(crate) fn span(&self, p: Position, reach: i32) -> Span {
        let (west, south) = self.place(Position { x: p.x.saturating_sub(reach), y: p.y.saturating_sub(reach) });
        let (east, north) = self.place(Position { x: p.x.saturating_add(reach), y: p.y.saturating_add(reach) });
        Span { west, east, south, north }
    }

    /// Square of the distance from `p` to the nearest point of a cell, square units.
    pub(crate) fn distance_squared(&self, column: usize, row: usize, p: Position) -> i64 {
        let origin = self.cell(column, row).origin();
        let side = 1 << CELL_SHIFT;
        let cell = Rect { min_x: origin.x, min_y: origin.y, max_x: origin.x + side, max_y: origin.y + side };
        cell.nearest(p).distance_squared(p)
    }

    /// The numbers of a span's cells, which rise.
    pub(crate) fn cells(&self, span: Span) -> impl Iterator<Item = usize> + '_ {
        (span.south..=span.north)
            .flat_map(move |row| (span.west..=span.east).map(move |column| self.index(column, row)))
    }

    /// All slots in the cells of a span, cell by cell.
    pub(crate) fn in_span(&self, span: Span) -> impl Iterator<Item = u16> + '_ {
        self.cells(span).flat_map(|cell| self.in_cell(cell).iter().copied())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{prop, proptest};
    use shallot_wire::{Position, Rect};

    use super::Grid;

    const SIDE: i32 = 200;

    fn filled(points: &[Position]) -> Grid {
        let mut grid = Grid::new(Rect::from_metres(-100, 1_000, SIDE, SIDE));
        let tenants: Vec<(u16, usize)> = (0..).zip(points).map(|(slot, p)| (slot, grid.index_of(*p))).collect();
        grid.fill(&tenants);
        grid.fill(&tenants); // a second filling leaves nothing of the first
        grid
    }

    proptest! {
        #[test]
        fn a_span_holds_all_that_are_near(
            points in prop::collection::vec((-100 * 4_096..100 * 4_096, 1_000 * 4_096..1_200 * 4_096), 1..60),
            reach in 0_i32..150 * 4_096,
        ) {
            let points: Vec<Position> = points.into_iter().map(|(x, y)| Position { x, y }).collect();
            let grid = filled(&points);
            assert_eq!((0..grid.columns * grid.rows).map(|cell| grid.in_cell(cell).len()).sum::<usize>(), points.len());
            let near: Vec<u16> = grid.in_span(grid.span(points[0], reach)).collect();
            for (slot, point) in (0..).zip(&points) {
                assert!(!points[0].is_within(reach, *point) || near.contains(&slot));
            }
            for (column, row) in [(0, 0), (grid.columns - 1, grid.rows - 1)] {
                for slot in grid.in_cell(grid.index(column, row)) {
                    let distance = points[0].distance_squared(points[usize::from(*slot)]);
                    assert!(grid.distance_squared(column, row, points[0]) <= distance);
                }
            }
        }
    }

    #[test]
    fn within_a_cell_slots_keep_their_order() {
        let here = Position { x: 0, y: 1_100 * 4_096 };
        let grid = filled(&[here; 5]);
        assert_eq!(grid.in_cell(grid.index_of(here)), [0, 1, 2, 3, 4]);
    }
}
