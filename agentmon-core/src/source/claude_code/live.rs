//! placeholder until merged
use crate::model::{Batch, Timestamp};
use crate::source::{FileInfo, Parser, Want};
#[derive(Debug)]
pub(super) struct LiveParser;
impl LiveParser {
    pub(super) fn new(_: &FileInfo) -> Self {
        Self
    }
}
impl Parser for LiveParser {
    fn feed(&mut self, _: u64, _: &[u8], _: Want, _: Timestamp, _: &mut Batch) {}
    fn state(&self) -> Vec<u8> {
        Vec::new()
    }
}
pub(super) fn removed(_: &[u8], _: Timestamp, _: &mut Batch) {}
