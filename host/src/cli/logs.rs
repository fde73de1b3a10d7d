//! `kst logs`

use kst::text;

use super::app::App;
use super::select::Select;
use super::{examples, values};

/// Show the last lines that a session printed
///
/// Of an ended session too, until it is removed or started again. On a terminal its colours stay,
/// and every other control sequence is taken out, so that old output cannot act on your terminal;
/// elsewhere the colours are taken out too, unless --color always is given.
#[derive(Debug, clap::Args)]
#[command(after_help = examples(&[
    ("kst logs api", "the last 100 lines"),
    ("kst logs api -n 20", "the last 20"),
    ("kst logs api --raw > api.log", "the bytes as they were printed"),
]))]
pub struct Args {
    /// The session's name
    #[arg(value_parser = values::name())]
    pub name: String,

    /// How many lines
    #[arg(short = 'n', long, default_value_t = 100, allow_negative_numbers = true)]
    #[arg(value_parser = values::number(1_000_000))]
    pub lines: u32,

    /// Pass every byte through, control sequences too
    #[arg(long)]
    pub raw: bool,

    #[command(flatten)]
    pub select: Select,
}

pub fn run(args: Args, app: &App) -> anyhow::Result<u8> {
    let bytes = app.host_for(&args.name)?.logs(&args.name, &args.select.filter(), args.lines)?;
    let output = &app.output;
    if app.globals.json {
        let text = if args.raw { bytes } else { text::plain(&bytes) };
        output.json(&document(&args.name, &text))?;
    } else if args.raw {
        output.print_raw(&bytes)?;
    } else if bytes.is_empty() && output.terminal() {
        output.note(&format!("'{}' has printed nothing", args.name));
    } else {
        let shown = if output.colours() { text::neutralise(&bytes) } else { text::plain(&bytes) };
        output.print_raw(&shown)?;
        if output.terminal() && !bytes.ends_with(b"\n") {
            output.print_raw(b"\n")?;
        }
    }
    Ok(0)
}

/// `{"name": …, "lines": […]}`
fn document(name: &str, text: &[u8]) -> serde_json::Value {
    let text = String::from_utf8_lossy(text);
    let lines: Vec<&str> = text.lines().collect();
    serde_json::json!({ "name": name, "lines": lines })
}

#[cfg(test)]
mod tests {
    #[test]
    fn json_has_a_string_for_each_line() {
        let document = super::document("api", b"one\n\ntwo \x1b[1m\xff");
        assert_eq!(
            document.to_string(),
            r#"{"name":"api","lines":["one","","two \u001b[1m"#.to_owned() + "\u{fffd}\"]}"
        );
    }
}
