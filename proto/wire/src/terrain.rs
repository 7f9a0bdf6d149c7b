//! What stands in the way: a region's edge and its blocks.

use crate::limits::{CELL_SHIFT, MAX_STEP};
use crate::movement::{Motion, step};
use crate::space::{Position, Rect, Velocity};

/// A region's rectangle and what blocks walking and shooting in it.
#[derive(Clone, Copy, Debug)]
pub struct Terrain<'a> {
    /// Its edge is a wall: positions stay in it.
    pub bounds: Rect,
    /// They may touch and overlap.
    pub blocks: &'a [Rect],
}

impl Terrain<'_> {
    /// Whether one may stand there.
    #[must_use]
    pub fn is_free(&self, p: Position) -> bool {
        self.bounds.contains(p) && self.block_at(p).is_none()
    }

    /// The first block that covers `p`.
    pub(crate) fn block_at(&self, p: Position) -> Option<&Rect> {
        self.blocks.iter().find(|block| block.contains(p))
    }

    /// Whether no block lies between two points. Running along a block's edge is clear, passing its corner is too.
    #[must_use]
    pub fn line_is_clear(&self, a: Position, b: Position) -> bool {
        !self.blocks.iter().any(|block| crosses(a, b, block))
    }
}

/// Whether the segment meets the open rectangle from one unit before `min` to `max`: its whole points are those of the block,
/// those just beside the block are on its edge, and two blocks that touch leave no slit.
///
/// Two convex shapes are apart when they are so along x, along y or across the segment.
fn crosses(a: Position, b: Position, block: &Rect) -> bool {
    if block.is_empty() {
        return false;
    }
    let wide = |v: i32| i128::from(v); // full spans of i32 multiply beyond an i64; within the world i64 is enough
    let (west, south) = (wide(block.min_x) - 1, wide(block.min_y) - 1);
    let (east, north) = (wide(block.max_x), wide(block.max_y));
    let (ax, ay, bx, by) = (wide(a.x), wide(a.y), wide(b.x), wide(b.y));
    if ax.max(bx) <= west || ax.min(bx) >= east || ay.max(by) <= south || ay.min(by) >= north {
        return false;
    }
    if a == b {
        return true;
    }
    let side = |x: i128, y: i128| (bx - ax) * (y - ay) - (by - ay) * (x - ax);
    let sides = [side(west, south), side(west, north), side(east, south), side(east, north)];
    sides.iter().any(|&s| s > 0) && sides.iter().any(|&s| s < 0)
}

/// A terrain that knows which blocks are near a place. Answers as the plain [`Terrain`] does, but faster.
#[derive(Clone, Debug)]
pub struct TerrainIndex {
    bounds: Rect,
    blocks: Vec<Rect>,
    /// Cells from west to east.
    columns: usize,
    /// For each cell, row by row from the south, where its blocks begin in `near`; one more at the end.
    starts: Vec<usize>,
    near: Vec<Rect>,
}

/// So far around a cell a block counts as near: one step, and the unit beside it.
const MARGIN: i32 = MAX_STEP + 1;

impl TerrainIndex {
    /// Builds it once for a region. Bounds beyond the world map are cut to it, empty blocks are left out.
    #[must_use]
    pub fn new(bounds: Rect, blocks: &[Rect]) -> Self {
        let bounds = bounds.intersection(&Rect::WORLD);
        let blocks: Vec<Rect> = blocks.iter().copied().filter(|block| !block.is_empty()).collect();
        let mut index = Self { bounds, blocks, columns: 0, starts: vec![0], near: Vec::new() };
        if bounds.is_empty() {
            return index;
        }
        index.columns = 1 + index.column(bounds.max_x - 1);
        for row in 0..=index.row(bounds.max_y - 1) {
            let in_row: Vec<Rect> =
                index.blocks.iter().copied().filter(|b| overlap_in_y(&index.margin(0, row), b)).collect();
            for column in 0..index.columns {
                let reach = index.margin(column, row);
                index.near.extend(in_row.iter().filter(|block| !block.intersection(&reach).is_empty()));
                index.starts.push(index.near.len());
            }
        }
        index
    }

    /// The region's rectangle.
    #[must_use]
    pub fn bounds(&self) -> Rect {
        self.bounds
    }

    /// The terrain with all its blocks.
    #[must_use]
    pub fn all(&self) -> Terrain<'_> {
        Terrain { bounds: self.bounds, blocks: &self.blocks }
    }

    /// Whether one may stand there.
    #[must_use]
    pub fn is_free(&self, p: Position) -> bool {
        self.near(p).is_some_and(|near| near.is_free(p))
    }

    /// One tick's way: [`step`] over this terrain.
    #[must_use]
    pub fn step(&self, from: Position, motion: Motion) -> (Position, Velocity) {
        match self.near(from) {
            Some(near) if near.is_free(from) => step(from, motion, &near),
            _ => step(from, motion, &self.all()), // the way out of a block may be long
        }
    }

    /// [`Terrain::line_is_clear`] over this terrain. Both points must lie in the region; outside it there are no blocks.
    #[must_use]
    pub fn line_is_clear(&self, a: Position, b: Position) -> bool {
        let (a, b) = (self.bounds.nearest(a), self.bounds.nearest(b));
        let rows = self.row(a.y.min(b.y))..=self.row(a.y.max(b.y));
        rows.into_iter().all(|row| {
            let mut columns = self.column(a.x.min(b.x))..=self.column(a.x.max(b.x));
            columns
                .all(|column| self.cell_blocks(column, row).is_none_or(|near| !near.iter().any(|r| crosses(a, b, r))))
        })
    }

    /// The blocks that a step from `p` can meet; `None` outside the region.
    fn near(&self, p: Position) -> Option<Terrain<'_>> {
        if !self.bounds.contains(p) {
            return None;
        }
        let blocks = self.cell_blocks(self.column(p.x), self.row(p.y))?;
        Some(Terrain { bounds: self.bounds, blocks })
    }

    fn cell_blocks(&self, column: usize, row: usize) -> Option<&[Rect]> {
        let cell = row * self.columns + column;
        self.near.get(*self.starts.get(cell)?..*self.starts.get(cell + 1)?)
    }

    /// Cells between the west edge and `x`, which is not west of it.
    fn column(&self, x: i32) -> usize {
        ((x - self.bounds.min_x) >> CELL_SHIFT) as usize
    }

    fn row(&self, y: i32) -> usize {
        ((y - self.bounds.min_y) >> CELL_SHIFT) as usize
    }

    /// A cell and what lies around it within a step.
    fn margin(&self, column: usize, row: usize) -> Rect {
        let min_x = self.bounds.min_x + ((column as i32) << CELL_SHIFT) - MARGIN;
        let min_y = self.bounds.min_y + ((row as i32) << CELL_SHIFT) - MARGIN;
        let side = (1 << CELL_SHIFT) + 2 * MARGIN;
        Rect { min_x, min_y, max_x: min_x + side, max_y: min_y + side }
    }
}

fn overlap_in_y(a: &Rect, b: &Rect) -> bool {
    a.min_y.max(b.min_y) < a.max_y.min(b.max_y)
}
