//! `sessions/<pid>.json` and `jobs/<id>/state.json` -> evidence.
