//! Reading config files with what they include.

use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, MetadataExt, OpenOptions, OpenOptionsExt};

use super::problem::Problem;
use super::tree::{Entry, Map, Node, Place, Source, Value, shorten};
use super::{ini, limits, toml_file, yaml};
use crate::text::{escape_controls, shown_path};

/// The largest config file: 10 MiB.
pub const MAX_FILE: u64 = 10 * 1024 * 1024;
/// How deep files may include each other.
pub const MAX_INCLUDE_DEPTH: usize = 10;
/// How many files one load may read: a file included twice at each depth would be read a thousand
/// times.
const MAX_FILES: usize = 100;

/// What of a file is kst's.
#[derive(Debug, Default)]
pub(super) struct Document {
    pub(super) ops: Option<Entry>,
    include: Option<Entry>,
    /// `ops` or `include` written again.
    again: Vec<(String, u64, Place)>,
}

impl Document {
    /// Note `ops` or `include`; written twice, the last counts.
    pub(super) fn add(&mut self, key: &str, key_at: Place, node: Node) {
        let entry = Entry { key: key.to_owned(), key_at: key_at.clone(), node };
        let before = match key {
            "ops" => self.ops.replace(entry),
            _ => self.include.replace(entry),
        };
        if let Some(before) = before {
            self.again.push((key.to_owned(), before.key_at.line, key_at));
        }
    }
}

/// A file on the disk, whatever its path: device and inode.
type FileId = (u64, u64);

/// Reads files and notes what is wrong with them.
#[derive(Default)]
pub(super) struct Reader {
    pub(super) problems: Vec<Problem>,
    /// Every file that was read, in this order.
    pub(super) files: Vec<PathBuf>,
    /// Problems that kept a file, or a part of one, from being read.
    pub(super) unread: Vec<Problem>,
    count: usize,
}

/// Where a layer's file is, if there is one.
pub(super) struct Found {
    /// Absolute, without symbolic links.
    pub(super) path: PathBuf,
    dir: Dir,
    name: PathBuf,
}

impl Found {
    /// Look for a file. Symbolic links are followed, and relative paths and includes then count
    /// from where it really is. `None` where there is nothing.
    pub(super) fn look(path: &Path) -> Result<Option<Self>, Problem> {
        let problem = |error: std::io::Error| {
            Problem::of_file(path, format!("the file cannot be read: {error}"))
        };
        let real = match std::fs::canonicalize(path) {
            Ok(real) => real,
            Err(error)
                if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(problem(error)),
        };
        let (Some(folder), Some(name)) = (real.parent(), real.file_name()) else {
            return Err(Problem::of_file(path, "this is a folder and not a file"));
        };
        let dir = Dir::open_ambient_dir(folder, ambient_authority()).map_err(problem)?;
        Ok(Some(Found { dir, name: name.into(), path: real }))
    }
}

impl Reader {
    /// Read a file with its includes; `None` where nothing of it can be used. What it includes
    /// lies below what it says itself, and of two includes the later lies above.
    pub(super) fn read(&mut self, found: &Found, from_working_dir: bool) -> Option<Map> {
        let at = Location {
            dir: &found.dir,
            name: &found.name,
            path: &found.path,
            from_working_dir,
            included_at: None,
        };
        self.file(&at, &mut Vec::new())
    }

    fn file(&mut self, location: &Location<'_>, chain: &mut Vec<FileId>) -> Option<Map> {
        self.count += 1;
        if self.count > MAX_FILES {
            if self.count == MAX_FILES + 1 {
                let what = format!("more than {MAX_FILES} config files are read; the rest is left");
                self.unread(location.problem(what));
            }
            return None;
        }
        let (source, id) = match open(location) {
            Ok(opened) => opened,
            Err(problem) => return self.unread(problem),
        };
        if chain.contains(&id) {
            return self.unread(
                location
                    .problem(format!(
                        "{} includes itself, here or by way of others",
                        shown_path(location.path)
                    ))
                    .advise("remove one of the includes"),
            );
        }
        let mut document = match parse(&source) {
            Ok(document) => document,
            Err(problem) => return self.unread(problem),
        };
        self.files.push(source.path.clone());
        for (key, first, place) in &document.again {
            self.problems.push(twice(key, *first, place));
        }
        if location.from_working_dir {
            limits::leave_out(&mut document, &mut self.problems);
        }
        let mut map = Map::default();
        if let Some(include) = &document.include {
            chain.push(id);
            for (name, place) in self.include_list(include) {
                if let Some(included) = self.include(location, &name, &place, chain) {
                    map.merge(included);
                }
            }
            chain.pop();
        }
        if let Some(ops) = document.ops {
            match ops.node.value {
                Value::Map(own) => map.merge(own),
                Value::Null => {}
                other => self.problems.push(
                    Problem::at(
                        &ops.key_at,
                        "ops",
                        format!(
                            "{} stands where a mapping of keys to values belongs",
                            other.kind()
                        ),
                    )
                    .advise("write `ops:` and below it, indented, `sessions:` and the rest"),
                ),
            }
        }
        Some(map)
    }

    /// Note why something was not read.
    fn unread(&mut self, problem: Problem) -> Option<Map> {
        self.unread.push(problem.clone());
        self.problems.push(problem);
        None
    }

    /// The files that an `include` names. Empty ones are left out, as a list with everything
    /// commented out has them.
    fn include_list(&mut self, include: &Entry) -> Vec<(String, Place)> {
        let items = match &include.node.value {
            Value::List(items) => items.as_slice(),
            _ => std::slice::from_ref(&include.node),
        };
        let mut names = Vec::new();
        for item in items {
            match &item.value {
                Value::Null => {}
                Value::Scalar(scalar) => {
                    let name = scalar.text.trim();
                    if !name.is_empty() {
                        names.push((name.to_owned(), item.at.clone()));
                    }
                }
                other => {
                    let problem = Problem::at(
                        &item.at,
                        "include",
                        format!("{} stands where a file's name belongs", other.kind()),
                    );
                    self.unread(problem.advise("write the name of a file, or a list of names"));
                }
            }
        }
        names
    }

    fn include(
        &mut self,
        parent: &Location<'_>,
        name: &str,
        place: &Place,
        chain: &mut Vec<FileId>,
    ) -> Option<Map> {
        let shown = escape_controls(name);
        if chain.len() > MAX_INCLUDE_DEPTH {
            let what = format!(
                "'{shown}' is not read: files include each other more than {MAX_INCLUDE_DEPTH} deep"
            );
            return self.unread(Problem::at(place, "include", what));
        }
        let relative = Path::new(name);
        let folder = parent.path.parent().unwrap_or(Path::new("/"));
        let climbs =
            relative.components().any(|part| matches!(part, std::path::Component::ParentDir));
        // An absolute path is fine where it leads into the folder.
        let inside = if relative.is_absolute() {
            relative.strip_prefix(folder).ok()
        } else {
            Some(relative)
        };
        let Some(inside) = inside.filter(|_| !climbs) else {
            return self.unread(
                Problem::at(
                    place,
                    "include",
                    format!("'{shown}' leads out of {}", shown_path(folder)),
                )
                .advise("a file can include files of its own folder and of folders in it"),
            );
        };
        let path: PathBuf = folder.join(inside).components().collect();
        let (Some(file), below) = (inside.file_name(), inside.parent().unwrap_or(Path::new("")))
        else {
            let what = format!("'{shown}' is not the name of a file");
            return self.unread(Problem::at(place, "include", what));
        };
        let opened;
        let dir = if below.as_os_str().is_empty() {
            parent.dir
        } else {
            match parent.dir.open_dir(below) {
                Ok(dir) => {
                    opened = dir;
                    &opened
                }
                Err(error) => return self.unread(not_included(place, &path, &error)),
            }
        };
        let location = Location {
            dir,
            name: Path::new(file),
            path: &path,
            from_working_dir: parent.from_working_dir,
            included_at: Some(place),
        };
        self.file(&location, chain)
    }
}

/// A file to read.
struct Location<'a> {
    /// The folder that holds it.
    dir: &'a Dir,
    name: &'a Path,
    path: &'a Path,
    from_working_dir: bool,
    included_at: Option<&'a Place>,
}

impl Location<'_> {
    /// A problem at the line that includes the file, if one does, else of the file.
    fn problem(&self, what: String) -> Problem {
        match self.included_at {
            Some(place) => Problem::at(place, "include", what),
            None => Problem::of_file(self.path, what),
        }
    }
}

/// A key written twice in one mapping.
pub(super) fn twice(key: &str, first: u64, place: &Place) -> Problem {
    Problem::at(place, key, format!("the key is written twice, first in line {first}"))
        .advise("remove one of the two, or put what is below them together")
}

fn not_included(place: &Place, path: &Path, error: &std::io::Error) -> Problem {
    let what = if error.kind() == ErrorKind::NotFound {
        format!("there is no file {}", shown_path(path))
    } else {
        format!("the file {} cannot be read: {error}", shown_path(path))
    };
    Problem::at(place, "include", what)
}

/// Open a file, check what it is, and read its text.
fn open(location: &Location<'_>) -> Result<(Arc<Source>, FileId), Problem> {
    let cannot = |error: std::io::Error| match location.included_at {
        Some(place) => not_included(place, location.path, &error),
        None => location.problem(format!("the file cannot be read: {error}")),
    };
    let mut options = OpenOptions::new();
    // Opening a pipe that nobody writes to would wait for ever.
    let nonblock = i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).unwrap_or_default();
    options.read(true).custom_flags(nonblock);
    let file = location.dir.open_with(location.name, &options).map_err(cannot)?;
    let metadata = file.metadata().map_err(cannot)?;
    // A problem of the file itself begins with its path already.
    let this = match location.included_at {
        Some(_) => shown_path(location.path),
        None => "this".to_owned(),
    };
    if !metadata.is_file() {
        return Err(location.problem(format!("{this} is not a regular file")));
    }
    let mut bytes = Vec::new();
    let too_large =
        || location.problem(format!("{this} is larger than {} MiB", MAX_FILE / (1024 * 1024)));
    if metadata.len() > MAX_FILE {
        return Err(too_large());
    }
    // The file may grow meanwhile.
    (&file).take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(cannot)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length > MAX_FILE) {
        return Err(too_large());
    }
    let text = decode(bytes, location.path)?;
    let source = Source::new(location.path.to_owned(), text, location.from_working_dir);
    Ok((Arc::new(source), (metadata.dev(), metadata.ino())))
}

/// The text of a file: UTF-8, with or without a byte order mark.
fn decode(bytes: Vec<u8>, path: &Path) -> Result<String, Problem> {
    let text = String::from_utf8(bytes).map_err(|error| {
        let good = error.utf8_error().valid_up_to();
        let bytes = error.as_bytes();
        let before = bytes.get(..good).unwrap_or_default();
        let line = before.iter().filter(|byte| **byte == b'\n').count();
        let shown = bytes.split(|byte| *byte == b'\n').nth(line).map(String::from_utf8_lossy);
        let mut problem = Problem::of_file(path, "the file is not text in UTF-8");
        problem.line = u64::try_from(line + 1).ok();
        problem.text_line = shown.map(|line| shorten(&line));
        problem.advise("save it as UTF-8")
    })?;
    Ok(match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    })
}

/// Parse a file by the ending of its name.
fn parse(source: &Arc<Source>) -> Result<Document, Problem> {
    let ending = source.path.extension().and_then(|ending| ending.to_str()).unwrap_or_default();
    match &*ending.to_ascii_lowercase() {
        "yml" | "yaml" => yaml::parse(source),
        "json" => yaml::parse_json(source),
        "toml" => toml_file::parse(source),
        "ini" => ini::parse(source),
        _ => Err(Problem::of_file(
            &source.path,
            format!("'.{}' is not the ending of a format that kst reads", escape_controls(ending)),
        )
        .advise("the formats are .yml, .yaml, .json, .toml and .ini")),
    }
}
