//! When more are in sight than a view has places, the others are told without a memory: a few in each datagram, in turn.

use shallot_wire::{Form, Group, SnapshotWriter};
use wincode::{SchemaRead, SchemaWrite};

use crate::interest::Look;
use crate::limits::FAR_UNITS;
use crate::scene::Scene;
use crate::view::View;

/// Who was looked at last: number of the cell, and slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, SchemaRead, SchemaWrite)]
pub(crate) struct Turn {
    pub(crate) cell: u32,
    pub(crate) slot: u16,
}

impl Turn {
    /// Writes who comes after the turn, cell by cell and then from the first cell on, until the datagram is full, all were
    /// looked at once, or so many were.
    pub(crate) fn go_on(
        &mut self,
        scene: &Scene,
        look: Look,
        view: &View,
        (looks, writer): (usize, &mut SnapshotWriter<'_>),
        mut on_told: impl FnMut(u16),
    ) {
        let (span, began) = (scene.grid.span(look.at, FAR_UNITS), *self);
        let mut looked = 0;
        let first = scene.grid.cells(span).position(|cell| cell >= began.cell as usize).unwrap_or(0);
        // Once around: the first cell's rest, the others, and the first cell's beginning.
        let around = scene.grid.cells(span).skip(first).chain(scene.grid.cells(span).take(first + 1));
        for (n, cell) in around.enumerate() {
            let group = Group { cell: scene.grid.cell_at(cell), form: Form::Crowd, base_height: 0 };
            let mut group = writer.begin_cell(group);
            for glimpse in scene.in_cell(cell) {
                let turn = Self { cell: cell as u32, slot: glimpse.slot };
                if cell == began.cell as usize && (turn > began) != (n == 0) {
                    continue;
                }
                looked += 1;
                if looked > looks {
                    return;
                }
                let is_outside = glimpse.slot != look.own.index
                    && !view.has(glimpse.slot)
                    && look.at.is_within(FAR_UNITS, glimpse.position);
                if let Some(record) = scene.record(glimpse.slot).filter(|_| is_outside) {
                    if group.push(0, record).is_err() {
                        return;
                    }
                    on_told(glimpse.slot);
                }
                *self = turn;
            }
        }
    }
}
