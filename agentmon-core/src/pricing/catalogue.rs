//! Models with their prices over time, and finding one by name. No file layout, no configuration.

use std::collections::HashMap;

use super::names::{self, Wanted};
use super::rates::{Rate, RateSet};
use super::schedule::Schedule;
use crate::model::PriceMode;

/// One model and all its prices.
#[derive(Debug, Clone)]
pub(super) struct Model {
    /// As the lab spells it, or `reseller/name`.
    pub(super) name: Box<str>,
    /// Who sells it; empty for a model that only the user's configuration knows.
    pub(super) provider: &'static str,
    /// The context window in tokens.
    pub(super) context: Option<u64>,
    /// The price of one web search.
    pub(super) web_search: Option<Rate>,
    /// Timelines by mode: oldest entry first, none of them empty. The standard mode is always there.
    pub(super) timelines: Vec<(PriceMode, Vec<RateSet>)>,
    /// Prices by the time of day.
    pub(super) schedules: Vec<Schedule>,
    /// `deprecated` or `removed`.
    pub(super) status: Option<&'static str>,
    /// The catalogues that list it.
    pub(super) sources: Vec<&'static str>,
    /// The fields that those catalogues give differently.
    pub(super) disputed: Vec<&'static str>,
    /// Whether the user's configuration sets its price.
    pub(super) overridden: bool,
}

impl Model {
    /// The timeline of a mode, if the mode has a price of its own.
    pub(super) fn timeline(&self, mode: PriceMode) -> Option<&[RateSet]> {
        self.timelines
            .iter()
            .find_map(|(of, timeline)| (*of == mode).then_some(timeline.as_slice()))
    }

    /// The timeline of the ordinary service.
    pub(super) fn standard(&self) -> &[RateSet] {
        self.timeline(PriceMode::Standard)
            .expect("every model is made with a standard timeline")
    }
}

/// Models and the names under which they are found.
#[derive(Debug, Default)]
pub(super) struct Models {
    list: Vec<Model>,
    by_name: HashMap<Box<str>, usize>,
}

impl Models {
    pub(super) fn push(&mut self, model: Model) {
        let key = names::canonical(&model.name);
        self.by_name.insert(key.into(), self.list.len());
        self.list.push(model);
    }

    /// Files a model under another name as well. Returns whether there is such a model.
    pub(super) fn alias(&mut self, name: &str, target: &str) -> bool {
        let target = self.by_name.get(&*names::canonical(target)).copied();
        if let Some(at) = target {
            self.by_name.insert(names::canonical(name).into(), at);
        }
        target.is_some()
    }

    /// In the order in which they were added.
    pub(super) fn iter(&self) -> std::slice::Iter<'_, Model> {
        self.list.iter()
    }

    /// The model with this canonical name.
    pub(super) fn get(&self, canonical: &str) -> Option<&Model> {
        self.by_name.get(canonical).map(|&at| &self.list[at])
    }

    /// The model that a name means: literally, then at the seller whom the name mentions, then at the lab.
    pub(super) fn find(&self, wanted: &Wanted<'_>) -> Option<&Model> {
        let at_seller = |bare: &str| self.get(&format!("{}/{bare}", wanted.seller?));
        self.get(&wanted.exact).or_else(|| {
            wanted
                .spellings
                .iter()
                .flat_map(|bare| [at_seller(bare), self.get(bare)])
                .flatten()
                .find(|model| model.provider.is_empty() || wanted.may_be_from(model.provider))
        })
    }
}
