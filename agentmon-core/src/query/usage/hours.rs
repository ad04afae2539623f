//! Usage by weekday and hour.

use super::report::Chosen;
use super::{Sums, UsageData, UsageQuery};

/// One hour of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HourCell {
    /// The day, 0 for Monday.
    pub weekday: u8,
    /// The hour, 0 to 23.
    pub hour: u8,
    /// Its calls.
    pub sums: Sums,
}

/// Sums the store's cells by the hour of the week in the query's zone, in order; hours without calls are left out.
/// Of the query, time, zone and filter count.
#[must_use]
pub fn hours(query: &UsageQuery, data: &UsageData) -> Vec<HourCell> {
    let chosen = Chosen::new(query, data);
    let mut week = [Sums::default(); 7 * 24];
    for cell in &data.cells {
        if !chosen.has(cell) || !query.covers(cell) {
            continue;
        }
        let local = query.zone.datetime(cell.bucket);
        let weekday = local.weekday().to_monday_zero_offset() as usize;
        let index = weekday * 24 + local.hour().unsigned_abs() as usize;
        if let Some(sums) = week.get_mut(index) {
            sums.add(cell, None);
        }
    }
    let cell = |(index, sums): (usize, Sums)| HourCell {
        weekday: (index / 24) as u8,
        hour: (index % 24) as u8,
        sums,
    };
    let used = week
        .into_iter()
        .enumerate()
        .filter(|(_, sums)| sums.requests > 0);
    used.map(cell).collect()
}
