//! The model calls of one transaction. They stay where their source put them until each is stored: a first import
//! holds many, and sorting places moves less than sorting calls.

use std::collections::BTreeSet;

use rusqlite::Connection;

use super::aliases::OtherNames;
use super::calls::StoredCall;
use super::dimensions;
use super::prices::StoredPrices;
use crate::model::{Batch, CallSource, FactKey, ModelCall};
use crate::pricing::ModelPrices;

/// Calls of several batches, and calls that get another name.
#[derive(Debug, Default)]
pub(super) struct IncomingCalls<'a> {
    parts: Vec<Part<'a>>,
    renamed: Vec<StoredCall>,
    places: Vec<Place>,
}

/// The calls of one batch, with the store's ids of what they name by number.
#[derive(Debug)]
struct Part<'a> {
    calls: &'a [ModelCall],
    sessions: &'a [i64],
    models: Vec<(i64, Option<ModelPrices<'a>>)>,
}

/// Where a call is.
#[derive(Debug, Clone, Copy)]
struct Place {
    fact: FactKey,
    /// The part, or [`RENAMED`].
    part: u32,
    call: u32,
}

/// The part of calls that are renamed.
const RENAMED: u32 = u32::MAX;

impl<'a> IncomingCalls<'a> {
    /// Room for the calls of these batches.
    pub(super) fn with_capacity(calls: usize) -> Self {
        Self {
            places: Vec::with_capacity(calls),
            ..Self::default()
        }
    }

    /// Adds the calls of a batch; `sessions` are the ids of its sessions.
    pub(super) fn add(
        &mut self,
        connection: &Connection,
        prices: &mut StoredPrices<'a>,
        batch: &'a Batch,
        sessions: &'a [i64],
    ) -> rusqlite::Result<()> {
        if batch.calls.is_empty() {
            return Ok(());
        }
        let mut models = Vec::with_capacity(batch.models.len());
        for name in &batch.models {
            let model = dimensions::model(connection, name)?;
            models.push((model, prices.get(connection, model)?));
        }
        let part = self.parts.len() as u32;
        self.places
            .extend(batch.calls.iter().zip(0..).map(|(call, index)| Place {
                fact: call.fact,
                part,
                call: index,
            }));
        self.parts.push(Part {
            calls: &batch.calls,
            sessions,
            models,
        });
        Ok(())
    }

    /// Adds a call that was stored under another name.
    pub(super) fn rename(&mut self, call: StoredCall) {
        self.places.push(Place {
            fact: call.fact,
            part: RENAMED,
            call: self.renamed.len() as u32,
        });
        self.renamed.push(call);
    }

    /// Gives calls of sources that know only another name the real one, where it is known.
    pub(super) fn resolve(
        &mut self,
        connection: &Connection,
        names: &OtherNames,
    ) -> rusqlite::Result<()> {
        for place in &mut self.places {
            let source = match self.parts.get(place.part as usize) {
                Some(part) => part.calls[place.call as usize].source,
                None => self.renamed[place.call as usize].source,
            };
            if source != CallSource::Otlp {
                continue;
            }
            let fact = names.find(connection, place.fact.0)?;
            place.fact = fact.map_or(place.fact, FactKey);
        }
        Ok(())
    }

    /// Whether any of the calls is a sum that another agentmon told.
    pub(super) fn has_remote(&self) -> bool {
        let mut calls = self.parts.iter().flat_map(|part| part.calls);
        calls.any(|call| call.source == CallSource::Remote)
    }

    /// The sums that another agentmon told, with their sessions.
    pub(super) fn remote(&self) -> impl Iterator<Item = (i64, FactKey)> {
        let tellers = self.places.iter().map(|place| (place, self.teller(place)));
        tellers
            .filter(|(_, (_, source))| *source == CallSource::Remote)
            .map(|(place, (session, _))| (session, place.fact))
    }

    /// The sessions of calls from some sources.
    pub(super) fn sessions(&self, wanted: impl Fn(CallSource) -> bool) -> BTreeSet<i64> {
        let tellers = self.places.iter().map(|place| self.teller(place));
        tellers
            .filter(|(_, source)| wanted(*source))
            .map(|(session, _)| session)
            .collect()
    }

    /// Leaves out the sums that another agentmon told of a session.
    pub(super) fn drop_remote(&mut self, session: i64) {
        let mut places = std::mem::take(&mut self.places);
        places.retain(|place| self.teller(place) != (session, CallSource::Remote));
        self.places = places;
    }

    /// The session and the source of a call.
    fn teller(&self, place: &Place) -> (i64, CallSource) {
        match self.parts.get(place.part as usize) {
            Some(part) => {
                let call = &part.calls[place.call as usize];
                (part.sessions[call.session.0 as usize], call.source)
            }
            None => {
                let call = &self.renamed[place.call as usize];
                (call.session, call.source)
            }
        }
    }

    /// Puts the calls in the order of their keys.
    pub(super) fn sort(&mut self) {
        self.places.sort_unstable_by_key(|place| place.fact);
    }

    /// The calls as they are stored.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = StoredCall> {
        self.places
            .iter()
            .map(|place| match self.parts.get(place.part as usize) {
                Some(part) => {
                    let call = &part.calls[place.call as usize];
                    let (model, prices) = &part.models[call.model as usize];
                    let session = part.sessions[call.session.0 as usize];
                    StoredCall::new(place.fact, call, session, *model, prices.as_ref())
                }
                None => StoredCall {
                    fact: place.fact,
                    ..self.renamed[place.call as usize]
                },
            })
    }
}
