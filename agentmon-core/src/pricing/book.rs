//! The price book: from a model's name, a time and tokens to a cost.

use std::fmt;
use std::hash::Hash;
use std::sync::OnceLock;

use xxhash_rust::xxh3::Xxh3;

use super::catalogue::{Model, Models};
use super::overrides::{self, PriceError, PriceOverride, Replacement};
use super::rates::{self, Rate, RateSet};
use super::{data, names, schedule};
use crate::model::{Cost, CostBasis, PriceMode, Timestamp, Usage};

/// Version of the code that turns data into costs. Raise it with every change of a rule or of name resolution, so that
/// stored costs are computed again.
const RULES: u32 = 1;

/// All known prices: the embedded ones, with the user's in front.
#[derive(Debug)]
pub struct PriceBook {
    fingerprint: u64,
    replacements: Vec<Replacement>,
    overridden: OnceLock<Models>,
}

impl PriceBook {
    /// The prices that agentmon was built with. The data is parsed when a price is first looked up.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static BOOK: OnceLock<PriceBook> = OnceLock::new();
        BOOK.get_or_init(|| Self::new(Vec::new()))
    }

    /// The embedded prices with the user's own in front of them.
    ///
    /// # Errors
    /// The first override that makes no sense, with its model and field.
    pub fn with_overrides(prices: &[PriceOverride]) -> Result<Self, PriceError> {
        overrides::check(prices).map(Self::new)
    }

    fn new(replacements: Vec<Replacement>) -> Self {
        let mut hasher = Xxh3::new();
        hasher.update(&RULES.to_le_bytes());
        hasher.update(data::JSON.as_bytes());
        if !replacements.is_empty() {
            replacements.hash(&mut hasher);
        }
        Self {
            fingerprint: hasher.digest(),
            replacements,
            overridden: OnceLock::new(),
        }
    }

    /// Changes whenever the cost of any call can change: costs stored under another fingerprint are out of date.
    /// Does not need the data to be parsed.
    #[must_use]
    pub fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The prices of a model, by the name that the agent gives it. `None` when no price is known for it.
    ///
    /// Resolving a name allocates: callers keep the answer per model.
    #[must_use]
    pub fn lookup(&self, model: &str) -> Option<ModelPrices<'_>> {
        let embedded = data::embedded();
        let wanted = names::read(model, &embedded.tables)?;
        self.overridden()
            .find(&wanted)
            .or_else(|| embedded.models.find(&wanted))
            .map(|model| ModelPrices { model })
    }

    /// What a call of a model cost; [`Cost::UNPRICED`] when no price is known.
    #[must_use]
    pub fn cost(
        &self,
        model: &str,
        at: Timestamp,
        usage: &Usage,
        mode: PriceMode,
        web_searches: u32,
    ) -> Cost {
        self.lookup(model).map_or(Cost::UNPRICED, |prices| {
            prices.cost(at, usage, mode, web_searches)
        })
    }

    /// All models with a price: first those of the user, then the embedded ones by name.
    pub fn models(&self) -> impl Iterator<Item = ModelPrices<'_>> {
        let overridden = self.overridden();
        let embedded = data::embedded().models.iter();
        let embedded =
            embedded.filter(|model| overridden.get(&names::canonical(&model.name)).is_none());
        let models = overridden.iter().chain(embedded);
        models.map(|model| ModelPrices { model })
    }

    /// The day on which the embedded prices were collected.
    #[must_use]
    pub fn built(&self) -> Timestamp {
        data::embedded().built
    }

    /// The price catalogues that the embedded data was taken from: name and version, the most trusted first.
    pub fn sources(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let sources = data::embedded().sources.iter();
        sources.map(|source| (source.name, source.version))
    }

    fn overridden(&self) -> &Models {
        self.overridden
            .get_or_init(|| overrides::apply(&self.replacements, data::embedded()))
    }
}

/// The prices of one model.
#[derive(Clone, Copy)]
pub struct ModelPrices<'a> {
    model: &'a Model,
}

impl fmt::Debug for ModelPrices<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ModelPrices({})", self.model.name)
    }
}

impl<'a> ModelPrices<'a> {
    /// The name under which the price is filed: the lab's own spelling, `reseller/name`, or the user's.
    #[must_use]
    pub fn name(&self) -> &'a str {
        &self.model.name
    }

    /// Who sells it; empty for a model that only the user's configuration knows.
    #[must_use]
    pub fn provider(&self) -> &'static str {
        self.model.provider
    }

    /// The context window in tokens.
    #[must_use]
    pub fn context_window(&self) -> Option<u64> {
        self.model.context
    }

    /// `deprecated` or `removed`, as far as the price catalogues know.
    #[must_use]
    pub fn status(&self) -> Option<&'static str> {
        self.model.status
    }

    /// The price catalogues that list the model; none when the user set the price.
    #[must_use]
    pub fn sources(&self) -> &'a [&'static str] {
        &self.model.sources
    }

    /// The fields that the catalogues give differently; the most trusted one is used.
    #[must_use]
    pub fn disputed(&self) -> &'a [&'static str] {
        &self.model.disputed
    }

    /// Whether the price comes from the user's configuration.
    #[must_use]
    pub fn is_overridden(&self) -> bool {
        self.model.overridden
    }

    /// The price of one server-side web search, if it is billed apart.
    #[must_use]
    pub fn web_search(&self) -> Option<Rate> {
        self.model.web_search
    }

    /// The modes that have a price of their own, each with all its prices, the oldest first.
    pub fn history(&self) -> impl Iterator<Item = (PriceMode, &'a [RateSet])> {
        let timelines = self.model.timelines.iter();
        timelines.map(|(mode, timeline)| (*mode, timeline.as_slice()))
    }

    /// The standard price in force at a time.
    #[must_use]
    pub fn at(&self, at: Timestamp) -> &'a RateSet {
        rates::in_force(self.model.standard(), at)
    }

    /// The price of a mode in force at a time. The standard price stands in for a mode without one:
    /// [`RateSet::mode`] tells.
    #[must_use]
    pub fn at_mode(&self, at: Timestamp, mode: PriceMode) -> &'a RateSet {
        let timeline = self.model.timeline(mode);
        rates::in_force(timeline.unwrap_or_else(|| self.model.standard()), at)
    }

    /// The factor on all rates at a time of day: 1 except for models with peak hours.
    #[must_use]
    pub fn time_of_day_factor(&self, at: Timestamp) -> f64 {
        schedule::permille(&self.model.schedules, at) as f64 / 1000.0
    }

    /// What a call cost that was answered at a time. `usage` is that of the one call: tiers look at its prompt.
    #[must_use]
    pub fn cost(&self, at: Timestamp, usage: &Usage, mode: PriceMode, web_searches: u32) -> Cost {
        let rates = self.at_mode(at, mode).for_prompt(usage.prompt());
        let factor = u128::from(schedule::permille(&self.model.schedules, at));
        let search = self.model.web_search.map_or(0, |rate| u128::from(rate.0));
        // Picodollars times thousandths: no part is rounded before the sum is.
        let total = rates.picodollars(usage) * factor + u128::from(web_searches) * search * 1000;
        Cost {
            amount: rates::to_nano(total),
            basis: CostBasis::Priced,
        }
    }
}
