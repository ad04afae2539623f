//! CSV for spreadsheets.

use std::io::{self, Write};

use super::text;

/// Writes headings and rows as CSV (RFC 4180, but `\n` at line ends).
///
/// Text is made harmless. A field that a spreadsheet would take for a formula gets a `'` in front, unless it is a
/// plain number.
pub(crate) fn write(
    out: &mut dyn Write,
    headings: &[&str],
    rows: impl IntoIterator<Item = Vec<String>>,
) -> io::Result<()> {
    let mut writer = csv::Writer::from_writer(out);
    writer.write_record(headings)?;
    for row in rows {
        writer.write_record(row.iter().map(|field| harmless(field)))?;
    }
    writer.flush()
}

fn harmless(field: &str) -> String {
    let line = text::line(field);
    let formula = line.starts_with(['=', '+', '-', '@']) && line.parse::<f64>().is_err();
    format!("{}{line}", if formula { "'" } else { "" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_and_formulas_disarmed() {
        let rows = [["=HYPERLINK(\"x\")", "-1.5", "a,\"b\"\nc"]]
            .map(|row| row.map(str::to_owned).to_vec());
        let mut out = Vec::new();
        write(&mut out, &["one", "two", "three"], rows).unwrap();
        let expected = "one,two,three\n\"'=HYPERLINK(\"\"x\"\")\",-1.5,\"a,\"\"b\"\" c\"\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
