use std::fs;
use std::io::{Seek, SeekFrom};

use super::*;

struct Place {
    _folder: tempfile::TempDir,
    log: PathBuf,
    file: File,
}

fn place() -> Place {
    let folder = tempfile::tempdir().unwrap();
    for sub in ["logs", "times"] {
        fs::create_dir(folder.path().join(sub)).unwrap();
    }
    let log = folder.path().join("logs/r1.log");
    let file = File::create(&log).unwrap();
    Place { _folder: folder, log, file }
}

impl Place {
    fn index(&self) -> PathBuf {
        beside(&self.log).unwrap()
    }

    fn read(&self) -> Option<Marks> {
        Marks::read(&File::open(self.index()).unwrap(), self.file.metadata().unwrap().ino())
    }

    /// Marks at these places, whenever that is.
    fn marked(&self, places: &[u64]) -> Times {
        let mut times = Times::begin(&self.log, &self.file, 0);
        for place in places {
            times.last = None;
            times.mark(*place);
        }
        times
    }
}

#[test]
fn a_byte_has_the_time_of_the_mark_before_it() {
    let place = place();
    let before = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64;
    place.marked(&[0, 10, 10, 25]);
    let marks = place.read().unwrap();
    assert_eq!(marks.marks.iter().map(|(place, _)| *place).collect::<Vec<_>>(), [0, 10, 25]);
    for (at, until) in [(0, 10), (9, 10), (10, 25), (25, u64::MAX), (1000, u64::MAX)] {
        let (time, end) = marks.at(at);
        assert!(time.is_some_and(|time| (before..before + 60_000).contains(&time)), "{at}");
        assert_eq!(end, until);
    }
    let mode = fs::metadata(place.index()).unwrap().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn there_are_not_many_marks() {
    let place = place();
    let mut times = place.marked(&[]);
    for at in 0..100_000 {
        times.mark(at);
    }
    let marks = place.read().unwrap().marks;
    assert!(marks.len() < 200, "{}", marks.len());
    // Where a program prints little at a time they stay few, whatever the clock does.
    let (few, apart) = (FEW / MARK as u64, Duration::from_millis(11));
    for at in 0..4 * few {
        times.last = times.last.map(|last| last - apart);
        times.mark(at / 100);
    }
    let marks = place.read().unwrap().length;
    assert!(marks < FEW + FEW / 2, "{marks}");
}

#[test]
fn marks_that_are_made_at_once_are_read() {
    let place = place();
    let number = place.file.metadata().unwrap().ino();
    fs::write(place.index(), marks(number, &[(0, 5), (3, 5), (9, 4), (12, 7)])).unwrap();
    let read = place.read().unwrap();
    assert_eq!(read.marks, [(0, 5), (9, 4), (12, 7)]);
    assert!(read.is_whole());
}

#[test]
fn a_clock_that_is_set_back_is_noted_as_it_is() {
    let place = place();
    let mut times = place.marked(&[0]);
    times.last = Some(SystemTime::now() + Duration::from_secs(3600));
    times.mark(5);
    let marks = place.read().unwrap();
    assert_eq!(marks.marks.len(), 2);
    // By their own times, in whatever order they are.
    let set_back = Marks { marks: vec![(0, 100), (10, 200), (20, 50), (30, 150)], ..marks };
    assert_eq!((set_back.since(120), set_back.since(201)), (Some(10), None));
    assert_eq!(set_back.at(25), (Some(50), 30));
}

#[test]
fn what_is_damaged_is_not_known() {
    for bad in HEAD..HEAD + 4 * MARK {
        let place = place();
        place.marked(&[0, 10, 20, 30]);
        let mut bytes = fs::read(place.index()).unwrap();
        bytes[bad] ^= 4;
        fs::write(place.index(), &bytes).unwrap();
        let marks = place.read().unwrap();
        let good = (bad - HEAD) / MARK;
        assert_eq!((marks.marks.len(), marks.broken), (good, true));
        for at in 0..4 {
            // How far the last good one goes is not known.
            let known = at + 1 < good;
            assert_eq!(marks.at(at as u64 * 10).0.is_some(), known, "{bad} {at}");
        }
    }
    let place = place();
    place.marked(&[0, 10]);
    let whole = fs::read(place.index()).unwrap();
    for length in 0..whole.len() {
        fs::write(place.index(), &whole[..length]).unwrap();
        let marks = place.read();
        assert_eq!(marks.is_some(), length >= HEAD);
        assert!(marks.is_none_or(|marks| marks.marks.len() == (length - HEAD) / MARK));
    }
    // Another log's.
    fs::write(place.index(), &whole).unwrap();
    let file = File::open(place.index()).unwrap();
    assert_eq!(Marks::read(&file, place.file.metadata().unwrap().ino() + 1), None);
}

#[test]
fn a_reader_goes_on_where_it_was() {
    let place = place();
    let mut times = place.marked(&[0]);
    let file = File::open(place.index()).unwrap();
    let mut marks = place.read().unwrap();
    times.last = None;
    times.mark(7);
    marks.read_on(&file).unwrap();
    assert_eq!(marks, place.read().unwrap());
    // Begun anew, for it could not be written: nothing is known from there on.
    times.begin_anew();
    marks.read_on(&file).unwrap();
    assert!(marks.is_broken() && marks.at(100).0.is_none());
}

#[test]
fn where_there_was_no_room_it_is_begun_when_there_is() {
    let place = place();
    let mut times = place.marked(&[0]);
    File::create(place.index()).unwrap();
    times.length = 0;
    assert_eq!(place.read(), None);
    times.mark(100);
    let marks = place.read().unwrap();
    assert_eq!((marks.at(99).0, marks.at(100).0.is_some()), (None, true));
}

#[test]
fn another_writer_goes_on_with_what_is_whole_alone() {
    let place = place();
    place.marked(&[0, 10]);
    let mut second = Times::begin(&place.log, &place.file, 20);
    second.mark(20);
    assert_eq!(place.read().unwrap().marks.len(), 3);
    let mut index = File::options().write(true).open(place.index()).unwrap();
    index.seek(SeekFrom::End(0)).unwrap();
    index.write_all(b"cut").unwrap();
    Times::begin(&place.log, &place.file, 30).mark(30);
    let marks = place.read().unwrap();
    assert_eq!((marks.marks.len(), marks.at(20).0, marks.at(30).0.is_some()), (1, None, true));
    // An empty log has none of before.
    Times::begin(&place.log, &place.file, 0);
    assert!(place.read().unwrap().is_empty());
}

#[test]
fn without_a_place_for_it_there_is_none() {
    let place = place();
    fs::remove_dir(place.index().parent().unwrap()).unwrap();
    let mut times = Times::begin(&place.log, &place.file, 0);
    times.mark(0);
    times.put_aside();
    Times::begin(Path::new("r1.log"), &place.file, 0).mark(0);
    fs::create_dir(place.index().parent().unwrap()).unwrap();
    rustix::fs::mkfifoat(CWD, place.index(), Mode::from_raw_mode(0o600)).unwrap();
    Times::begin(&place.log, &place.file, 0).mark(0);
}
