//! Price data -> price book -> cost of a call. Pure.
