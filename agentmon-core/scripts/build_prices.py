#!/usr/bin/env python3
"""Builds the price data that agentmon-core embeds from a price reference and the supplement beside this script.

    build_prices.py REFERENCE.json [--out PRICES.json] [--verbose]

The same input gives the same bytes. Standard library only. docs/adding-a-price.md explains both inputs; the layout of
the output is what src/pricing/data.rs reads: one model a line, rates in USD per million tokens in the order of RATES.

Only spellings are merged here and only where no price changes by it; every merge is checked, and a contradiction stops
the script. What was left out is listed with --verbose.
"""

import argparse
import json
import pathlib
import re
import sys
from decimal import Decimal

HERE = pathlib.Path(__file__).resolve().parent
RATES = ("input", "output", "cache_read", "cache_write_5m", "cache_write_1h")
SOURCES = ("model-prices", "genai-prices", "litellm")  # from most to least trusted
DATED_SOURCE = SOURCES[0]  # the one that keeps a history
MODES = ("fast", "batch", "flex", "priority")  # agentmon's PriceMode
SNAPSHOT = re.compile(r"-(20\d{6}|20\d\d-\d\d-\d\d|latest)$")
DECIMALS = 6  # the finest rate that the reader can hold: a picodollar per token


def canonical(name):
    """The form under which agentmon looks a name up: claude-opus-4.6 and claude-opus-4-6 are one name."""
    return re.sub(r"(?<=\d)\.(?=\d)", "-", name.lower())


def instant(text):
    return f"{text}T00:00:00Z" if len(text) == 10 else text


def number(value):
    """The shortest exact spelling of a rate."""
    exact = Decimal(repr(value)).normalize()
    if exact < 0 or -exact.as_tuple().exponent > DECIMALS:
        sys.exit(f"a rate of {value} cannot be held exactly")
    return int(exact) if exact == exact.to_integral_value() else float(exact)


class Builder:
    def __init__(self, reference, supplement):
        self.reference, self.supplement = reference, supplement
        self.log = []
        self.models = {}
        self.aliases = {}

    def build(self):
        for name, raw in self.reference["models"].items():
            if name in self.supplement["drop"]:
                self.log.append(f"{name}: {self.supplement['drop'][name]}")
            else:
                self.models[name] = self.model(name, raw)
        self.add_modes()
        self.merge_prefixed()
        self.merge_spellings()
        self.merge_snapshots()
        self.add_aliases()
        names = [canonical(name) for name in [*self.models, *self.aliases]]
        if len(set(names)) != len(names):
            sys.exit("two entries have the same canonical name")
        return self.render()

    # One model

    def model(self, name, raw):
        raw = self.exact_tiers(name, raw)
        model = {"provider": raw["provider"]}
        if raw.get("context"):
            model["context"] = raw["context"]
        search = self.supplement["web_search"].get(raw["provider"])
        if search:
            model["web_search"] = search["usd"]
        history = [dict(entry) for entry in raw.get("history") or [{"from": None}]]
        # The current price is the better sourced one: a lesser source may have filled a missing rate in.
        history[-1].update(price=raw["price"], tiers=raw.get("tiers"))
        first_seen = raw.get("first_seen")
        if len(history) > 1 and first_seen and instant(history[1]["from"]) <= first_seen:
            self.log.append(f"{name}: the first price ended before the model was first seen")
            del history[0]
            history[0]["from"] = None
        model["prices"] = self.timeline(name, history)
        modes = {mode: self.timeline(name, [{"from": None, **raw_mode}])
                 for mode, raw_mode in raw.get("modes", {}).items() if mode in MODES}
        for mode in sorted(set(raw.get("modes", {})) - set(MODES)):
            self.log.append(f"{name}: mode {mode} is not one of agentmon's")
        if modes:
            model["modes"] = modes
        if raw.get("status"):
            model["status"] = raw["status"]
        model["sources"] = [SOURCES.index(source) for source in raw["sources"]]
        if raw.get("disputed"):
            model["disputed"] = raw["disputed"]
        return model

    def exact_tiers(self, name, raw):
        """Moves the limits of tiers that begin at them, and settles disputes that were about nothing else."""
        if raw["provider"] not in self.supplement["inclusive_tiers"]:
            return raw

        def limit(over):
            return over - 1 if over % 1000 == 0 else over

        def moved(value):
            if isinstance(value, dict):
                return {key: limit(item) if key == "over" else moved(item) for key, item in value.items()}
            return [moved(item) for item in value] if isinstance(value, list) else value

        raw = moved(raw)
        for dispute in self.reference["disagreements"]:
            limits = dispute.get("tiers_over", {}).values()
            if dispute["model"] == name and limits and len({tuple(map(limit, of)) for of in limits}) == 1:
                raw["disputed"] = [field for field in raw["disputed"] if field != "tiers_over"]
        return raw

    def timeline(self, name, history):
        entries = []
        for raw in history:
            entry = {"rates": self.rates(name, raw["price"])}
            if raw.get("tiers"):
                tiers = sorted(raw["tiers"], key=lambda tier: tier["over"])
                entry["tiers"] = [{"over": tier["over"], "rates": self.rates(name, tier["price"])} for tier in tiers]
            if entries and all(entries[-1].get(key) == entry.get(key) for key in ("rates", "tiers")):
                continue
            if entries and self.learns_cache_rate(entries[-1], entry):
                self.log.append(f"{name}: the cache rate that was first listed on {raw['from']} holds before as well")
                before = entries.pop()
                raw = {**raw, "from": before.get("from")}
            if entries:
                entry["from"] = instant(raw["from"])
                if entry["from"] <= entries[-1].get("from", ""):
                    sys.exit(f"{name}: history is not in the order of time")
            if raw.get("source"):
                entry["source"] = raw["source"].replace("https://github.com/sst/models.dev/commit/", "models.dev@")
            entries.append(entry)
        return entries

    def learns_cache_rate(self, before, after):
        """Whether `after` only adds a cache-read rate. Cached tokens that were counted before had that price too: a
        provider that does not cache counts none."""
        pairs = [(before["rates"], after["rates"]),
                 *((x["rates"], y["rates"]) for x, y in zip(before.get("tiers", []), after.get("tiers", [])))]
        return ([t["over"] for t in before.get("tiers", [])] == [t["over"] for t in after.get("tiers", [])]
                and all(len(x) == 2 and len(y) > 2 and self.agrees(x, y) for x, y in pairs))

    def rates(self, name, price):
        price = dict(price)
        if "claude" in name and "cache_write_5m" in price:
            # Anthropic's rule, in the reference's `rules`; sources without a column for it leave it out.
            price.setdefault("cache_write_1h", 2 * price["input"])
        rates = [None if price.get(rate) is None else number(price[rate]) for rate in RATES]
        while rates[-1] is None:
            rates.pop()
        if None in rates[:2]:
            sys.exit(f"{name}: no input or output price")
        return rates

    # All models

    def add_modes(self):
        for extra in self.supplement["modes"]:
            modes = self.models[extra["model"]].setdefault("modes", {})
            timeline = self.timeline(extra["model"], extra["history"])
            known = modes.get(extra["mode"])
            if known and any(known[-1].get(key) != timeline[-1].get(key) for key in ("rates", "tiers")):
                sys.exit(f"{extra['model']}: the reference has a newer price of mode {extra['mode']}")
            modes[extra["mode"]] = timeline
        # OpenAI sells one faster service; one source calls it fast, another priority.
        for name, model in self.models.items():
            modes = model.get("modes", {})
            if model["provider"] == "openai" and ("fast" in modes or "priority" in modes):
                fast, priority = modes.get("fast"), modes.get("priority")
                if fast and priority and not self.agrees(priority[-1]["rates"], fast[-1]["rates"]):
                    sys.exit(f"{name}: fast and priority have different prices")
                modes["fast"] = modes["priority"] = fast or priority

    @staticmethod
    def agrees(sparse, full):
        """Whether every rate that `sparse` has is the same in `full`."""
        return all(a is None or a == b for a, b in zip(sparse, [*full, *[None] * len(RATES)]))

    def same_price(self, sparse, full):
        """Whether `full` gives what `sparse` says now, so that `sparse` adds nothing to it.

        A cache-write rate may be missing in `sparse`; a cache-read rate may not (a snapshot without a cache is real).
        """
        a, b = sparse["prices"][-1], full["prices"][-1]
        return (self.agrees(a["rates"], b["rates"]) and len(a["rates"]) >= min(3, len(b["rates"]))
                and [t["over"] for t in a.get("tiers", [])] == [t["over"] for t in b.get("tiers", [])]
                and all(self.agrees(x["rates"], y["rates"]) for x, y in zip(a.get("tiers", []), b.get("tiers", [])))
                and all(self.agrees(t[-1]["rates"], full["modes"][mode][-1]["rates"])
                        for mode, t in sparse.get("modes", {}).items() if mode in full.get("modes", {})))

    def trust(self, name):
        """Sorts the best sourced entry first; of equals, the spelling with a dot."""
        sources = self.models[name]["sources"]
        return sources[0], -len(sources), "." not in name

    def merge_prefixed(self):
        """`reseller/name` is a resale price; any other prefix is another spelling of the bare name."""
        for name in [name for name in self.models if "/" in name]:
            prefix, bare = name.split("/", 1)
            if prefix != self.models[name]["provider"]:
                if bare not in self.models:
                    sys.exit(f"{name}: a prefix that is not the provider's, and no bare name")
                self.log.append(f"{name}: another spelling of {bare}")
                del self.models[name]

    def merge_spellings(self):
        """gpt-5-6 and gpt-5.6 are one model: the better sourced entry stays."""
        twins = {}
        for name in self.models:
            twins.setdefault(canonical(name), []).append(name)
        for names in twins.values():
            best = min(names, key=self.trust)
            for name in names:
                if name != best:
                    if not self.same_price(self.models[name], self.models[best]):
                        sys.exit(f"{name} and {best} are one name with two prices")
                    self.log.append(f"{name}: another spelling of {best}")
                    del self.models[name]

    def merge_snapshots(self):
        """A dated or -latest name without a history of its own and with its model's price is left to the model, which
        knows more: history and modes. agentmon drops the suffix when it looks the name up."""
        dated = SOURCES.index(DATED_SOURCE)

        def timelines(model):
            undocumented = {mode: [{**entry, "source": None} for entry in timeline]
                            for mode, timeline in [("standard", model["prices"]), *model.get("modes", {}).items()]}
            return undocumented.items()

        for name in [name for name in self.models if SNAPSHOT.search(name)]:
            base = SNAPSHOT.sub("", name)
            model, full = self.models[name], self.models.get(base)
            if full is None:
                continue
            own = ((dated in model["sources"] or len(model["prices"]) > 1)
                   and any(item not in timelines(full) for item in timelines(model)))
            if not own and self.same_price(model, full):
                self.log.append(f"{name}: has the price of {base}")
                del self.models[name]

    def add_aliases(self):
        aliases = {name: target.split("/", 1)[1] for name, target in self.reference["aliases"].items()}
        spellings = {canonical(name): name for name in self.models}
        for name, target in {**aliases, **self.supplement["aliases"]}.items():
            if canonical(name) == canonical(target):
                continue
            if target not in self.models:
                self.log.append(f"alias {name}: {target} has no price")
                continue
            twin = spellings.get(canonical(name))
            if twin:
                if not self.same_price(self.models[twin], self.models[target]):
                    self.log.append(f"alias {name}: has another price than {target}, kept as a model")
                    continue
                del self.models[twin]
            self.aliases[name] = target

    # Output

    def schedules(self):
        holidays = self.reference["schedules"]["holidays"]
        for raw in self.reference["schedules"]["schedule"]:
            peak = "peak_hours_utc" in raw
            schedule = {"provider": raw["provider"], "from": instant(raw["valid_from"])}
            if raw.get("valid_until"):
                schedule["until"] = instant(raw["valid_until"])
            schedule["hours_utc"] = raw["peak_hours_utc" if peak else "off_peak_hours_utc"]
            factor = raw["peak_multiplier" if peak else "off_peak_multiplier"]
            schedule["factor" if peak else "factors"] = number(factor) if peak else factor
            if raw.get("weekdays_only"):
                schedule["weekdays_only"] = True
            if raw.get("holidays"):
                calendar = holidays[raw["holidays"]]
                schedule["holidays"] = {key: calendar[key] for key in ("utc_offset_hours", "covers_through", "dates")}
            schedule["source"] = raw["source"]
            yield schedule

    def render(self):
        versions = self.reference["built_from"]["versions"]
        head = {
            "schema": 1,
            "built": self.reference["built"],
            "unit": self.reference["currency"] + " " + self.reference["unit"],
            "columns": RATES,
            "sources": [{"name": source, "version": versions[source]} for source in SOURCES],
            "bedrock_regions": self.supplement["bedrock_regions"],
        }
        tables = {
            "routes": self.supplement["routes"],
            "schedules": list(self.schedules()),
            "aliases": dict(sorted(self.aliases.items())),
            "models": dict(sorted(self.models.items())),
        }

        def compact(value):
            return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

        lines = [f"{compact(key)}:{compact(value)}" for key, value in head.items()]
        for key, table in tables.items():
            if isinstance(table, dict):
                rows, brackets = [f"{compact(name)}:{compact(value)}" for name, value in table.items()], "{}"
            else:
                rows, brackets = [compact(value) for value in table], "[]"
            lines.append(f"{compact(key)}:{brackets[0]}\n" + ",\n".join(rows) + f"\n{brackets[1]}")
        return "{\n" + ",\n".join(lines) + "\n}\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("reference", type=pathlib.Path)
    parser.add_argument("--out", type=pathlib.Path, default=HERE.parent / "src/pricing/data/prices.json")
    parser.add_argument("--verbose", action="store_true")
    args = parser.parse_args()
    supplement = json.loads((HERE / "price_supplement.json").read_text(encoding="utf-8"))
    builder = Builder(json.loads(args.reference.read_text(encoding="utf-8")), supplement)
    text = builder.build()
    args.out.write_text(text, encoding="utf-8")
    if args.verbose:
        print("\n".join(builder.log), file=sys.stderr)
    print(f"{len(builder.models)} models, {len(builder.aliases)} aliases, {len(text)} bytes", file=sys.stderr)


if __name__ == "__main__":
    main()
