//! From the name an agent writes down to the names a price may be filed under. Tables are data (`prices.json`:
//! `routes`, `bedrock_regions`, `aliases`); here is only the grammar of spellings. No prices.

use std::collections::HashMap;

use serde::Deserialize;

/// Longer names are not names.
const MAX_LEN: usize = 256;

/// What a `PREFIX/` in front of a model's name says about who sells it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Route {
    /// Whose resale prices (`seller/name`) come first.
    #[serde(default)]
    seller: Option<&'static str>,
    /// The labs whose own price applies.
    sells: Vec<&'static str>,
}

/// The tables that names are read with.
#[derive(Debug)]
pub(super) struct Tables {
    /// By prefix.
    pub(super) routes: HashMap<&'static str, Route>,
    /// Regions in front of the id of a Bedrock inference profile, such as `us` or `global`.
    pub(super) bedrock_regions: Vec<&'static str>,
}

/// What to look for.
#[derive(Debug)]
pub(super) struct Wanted<'t> {
    /// The whole name, prefix and all.
    pub(super) exact: String,
    /// Whose resale price comes first.
    pub(super) seller: Option<&'static str>,
    /// Spellings of the bare name, the most literal first; none when nobody known sells it.
    pub(super) spellings: Vec<String>,
    routes: Vec<&'t Route>,
}

impl Wanted<'_> {
    /// Whether everyone whom the name mentions sells this lab's models at the lab's price.
    pub(super) fn may_be_from(&self, lab: &str) -> bool {
        self.routes.iter().all(|route| route.sells.contains(&lab))
    }
}

/// Lower case, and a dash for a dot between digits: `Claude-Opus-4.6` is `claude-opus-4-6`.
pub(super) fn canonical(name: &str) -> String {
    let name = name.trim().to_ascii_lowercase();
    let bytes = name.as_bytes();
    let digit = |at: Option<usize>| {
        at.and_then(|at| bytes.get(at))
            .is_some_and(u8::is_ascii_digit)
    };
    name.char_indices()
        .map(|(at, char)| match char {
            '.' if digit(at.checked_sub(1)) && digit(Some(at + 1)) => '-',
            other => other,
        })
        .collect()
}

/// Reads a name; `None` when it cannot be one.
pub(super) fn read<'t>(name: &str, tables: &'t Tables) -> Option<Wanted<'t>> {
    if name.is_empty() || name.len() > MAX_LEN {
        return None;
    }
    let exact = canonical(name);
    let (routes, spellings) = match split(&exact, tables) {
        Some((routes, bare)) => (routes, spellings(bare)),
        None => (Vec::new(), Vec::new()),
    };
    Some(Wanted {
        seller: routes.iter().rev().find_map(|route| route.seller),
        spellings,
        routes,
        exact,
    })
}

/// Splits a name into the routes in front and the bare model. `None` when a prefix is not known: then someone unknown
/// sells the model, at a price that is not known either.
fn split<'n, 't>(name: &'n str, tables: &'t Tables) -> Option<(Vec<&'t Route>, &'n str)> {
    let mut prefixes: Vec<&str> = name.split('/').collect();
    let bare = prefixes.pop()?;
    let mut bare = bare.strip_suffix("[1m]").unwrap_or(bare);
    if name.starts_with("arn:") {
        // arn:aws:bedrock:REGION:ACCOUNT:inference-profile/us.anthropic.claude-...
        if prefixes.len() != 1 || !prefixes[0].contains(":bedrock:") {
            return None;
        }
        prefixes = vec!["bedrock"];
    } else if let Some(at) = prefixes.iter().position(|&part| part == "publishers") {
        // projects/P/locations/L/publishers/anthropic/models/claude-...@20250929
        let [_, "models"] = prefixes[at + 1..] else {
            return None;
        };
        prefixes = vec!["vertex"];
    } else if let Some(at) = prefixes
        .windows(2)
        .position(|pair| pair[0] == "bedrock" && is_aws_region(pair[1]))
    {
        prefixes.remove(at + 1);
    }
    if let Some(model) = bedrock_model(bare, tables) {
        prefixes.push("bedrock");
        bare = model;
    }
    let routes: Option<Vec<_>> = prefixes
        .iter()
        .map(|&part| tables.routes.get(part))
        .collect();
    Some((routes?, bare))
}

/// `us-east-1`, `ap-southeast-2`, `us-gov-west-1`.
fn is_aws_region(part: &str) -> bool {
    let mut words = part.split('-');
    words.next().is_some_and(|word| word.len() == 2)
        && part.matches('-').count() >= 2
        && words.next_back().is_some_and(is_number)
}

/// The model in a Bedrock id such as `us.anthropic.claude-sonnet-4-5-20250929-v1:0`. Only Anthropic's models cost the
/// same there as at their lab.
fn bedrock_model<'n>(id: &'n str, tables: &Tables) -> Option<&'n str> {
    let id = match id.split_once('.') {
        Some((region, rest)) if tables.bedrock_regions.contains(&region) => rest,
        _ => id,
    };
    let model = id.strip_prefix("anthropic.")?;
    let model = model.split_once(':').map_or(model, |(model, _)| model);
    Some(match model.rsplit_once("-v") {
        Some((model, version)) if is_number(version) => model,
        _ => model,
    })
}

/// All ways to write a bare name, the most literal first.
fn spellings(bare: &str) -> Vec<String> {
    // Vertex writes the date after an @, or a word in its place.
    let bare = bare
        .strip_suffix("@default")
        .or_else(|| bare.strip_suffix("@latest"))
        .unwrap_or(bare)
        .replace('@', "-");
    let undated = without_date(&bare).or_else(|| bare.strip_suffix("-latest"));
    [Some(bare.as_str()), undated]
        .into_iter()
        .flatten()
        .flat_map(|name| [Some(name.to_owned()), other_order(name)])
        .flatten()
        .collect()
}

/// The name without `-20250929` or `-2026-04-23`, if it ends in a date.
fn without_date(name: &str) -> Option<&str> {
    let is_date = |digits: &str| {
        digits.len() == 8
            && digits.starts_with("20")
            && is_number(digits)
            && ("01".."13").contains(&&digits[4..6])
            && ("01".."32").contains(&&digits[6..8])
    };
    let cut = |length: usize| name.split_at_checked(name.len().checked_sub(length)?);
    let compact = cut(9).filter(|(_, end)| end.strip_prefix('-').is_some_and(is_date));
    let dashed = cut(11).filter(|(_, end)| {
        let dashes = end.match_indices('-').map(|(at, _)| at);
        dashes.eq([0, 5, 8]) && is_date(&end.replace('-', ""))
    });
    compact.or(dashed).map(|(model, _)| model)
}

/// `claude-4-5-sonnet` for `claude-sonnet-4-5` and the other way round: Anthropic changed the order with Claude 4, and
/// others did not always follow.
fn other_order(name: &str) -> Option<String> {
    let mut words: Vec<&str> = name.strip_prefix("claude-")?.split('-').collect();
    let is_version = |word: &&&str| word.len() <= 2 && is_number(word);
    let is_family = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase());
    let family_first = is_family(words.first()?);
    let versions = words[usize::from(family_first)..]
        .iter()
        .take(2)
        .take_while(is_version)
        .count();
    if versions == 0 {
        return None;
    }
    if family_first {
        words[..=versions].rotate_left(1);
    } else {
        is_family(words.get(versions)?).then_some(())?;
        words[..=versions].rotate_right(1);
    }
    Some(format!("claude-{}", words.join("-")))
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
