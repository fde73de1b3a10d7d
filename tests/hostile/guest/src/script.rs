//! Reading the script.

/// The length of the room for it, which begins with a mark.
const ROOM: usize = 32 * 1024;

/// Where it is put. What stands here when nothing was put there yet is the mark and blanks.
static SCRIPT: [u8; ROOM] = {
    let mut room = [b' '; ROOM];
    let mark = b"kst-hostile script:";
    let mut at = 0;
    while at < mark.len() {
        room[at] = mark[at];
        at += 1;
    }
    room
};

/// One line of the script: a verb and its fields.
pub struct Record {
    pub verb: String,
    pub fields: Vec<String>,
}

impl Record {
    /// The field at this place, empty where there is none.
    pub fn field(&self, at: usize) -> String {
        self.fields.get(at).cloned().unwrap_or_default()
    }

    /// The same as a number.
    pub fn number(&self, at: usize) -> u32 {
        self.field(at).parse().unwrap_or(0)
    }
}

/// Everything in the script.
pub fn records() -> Vec<Record> {
    // The compiler must not take what stands here for what will stand here.
    let room = std::hint::black_box(&SCRIPT);
    let text = String::from_utf8_lossy(room);
    // The rest of the first record is the mark, that of the last one blanks.
    let records = text.split('\x1e').skip(1).filter(|record| !record.trim().is_empty());
    let record = |text: &str| {
        let mut fields = text.split('\x1f').map(expanded);
        Record { verb: fields.next().unwrap_or_default(), fields: fields.collect() }
    };
    records.map(record).collect()
}

/// The steps of one export: what stands between `on NAME` and the next `on`.
pub fn steps(export: &str) -> Vec<Record> {
    let mut own = false;
    let mut steps = Vec::new();
    for record in records() {
        if record.verb == "on" {
            own = record.field(0) == export;
        } else if own {
            steps.push(record);
        }
    }
    steps
}

/// `\x01COUNT\x01TEXT` is that text so many times: a megabyte need not stand in the script.
fn expanded(field: &str) -> String {
    let repeated = field.strip_prefix('\x01').and_then(|rest| rest.split_once('\x01'));
    match repeated {
        Some((count, text)) => text.repeat(count.parse().unwrap_or(0)),
        None => field.into(),
    }
}
