//! Canaries, and the hunt for them: each is looked for in every form in which a program tends to write what it was given.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv6Addr;
use std::path::Path;

use authledger::clock::{SystemRandom, draw};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// A value that must turn up nowhere but where it was sent.
pub(crate) struct Canary {
    what: &'static str,
    /// As it is sent.
    pub(crate) text: String,
    /// What is looked for: the part of the text that no escaping changes, or each spelling there is.
    cores: Vec<Vec<u8>>,
}

/// Sixteen letters and digits, beginning with a letter.
fn letters() -> String {
    const LETTERS: &[u8] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let text = draw::<16>(&SystemRandom).map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
    format!("q{}", text.iter().collect::<String>())
}

impl Canary {
    /// With letters around the core that every way of escaping treats in its own way.
    pub(crate) fn wild(what: &'static str) -> Self {
        let core = letters();
        Self { what, text: format!("ü \"{core}\\ +&%/é"), cores: vec![core.into_bytes()] }
    }

    /// The same of what ASCII has.
    pub(crate) fn ascii(what: &'static str) -> Self {
        let core = letters();
        Self { what, text: format!("\"{core}\\ +&%/~"), cores: vec![core.into_bytes()] }
    }

    /// Of letters and digits alone.
    pub(crate) fn plain(what: &'static str) -> Self {
        let core = letters();
        Self { what, text: core.clone(), cores: vec![core.into_bytes()] }
    }

    /// What the server gave out: as its text, and as what the text stands for.
    pub(crate) fn given(what: &'static str, text: &str, bytes: &[u8]) -> Self {
        let cores = [text.as_bytes(), bytes].into_iter().filter(|core| !core.is_empty()).map(<[u8]>::to_vec);
        Self { what, text: text.to_owned(), cores: cores.collect() }
    }

    /// An address, which may also turn up as its octets.
    pub(crate) fn address(what: &'static str) -> Self {
        let mut octets = draw::<16>(&SystemRandom);
        octets[..4].copy_from_slice(&[0x20, 0x01, 0x0d, 0xb8]);
        let text = Ipv6Addr::from(octets).to_string();
        let groups = octets.chunks(2).map(|pair| format!("{:02x}{:02x}", pair[0], pair[1]));
        let whole = groups.collect::<Vec<_>>().join(":");
        Self { what, text: text.clone(), cores: vec![text.into_bytes(), whole.into_bytes(), octets.to_vec()] }
    }
}

/// What to look for: exactly, or in text whose capitals were made small.
struct Needle {
    canary: usize,
    form: &'static str,
    bytes: Vec<u8>,
}

/// Looks for all of its canaries at once.
pub(crate) struct Hunt<'a> {
    canaries: &'a [Canary],
    exact: Vec<Needle>,
    small: Vec<Needle>,
}

impl<'a> Hunt<'a> {
    pub(crate) fn new(canaries: &'a [Canary]) -> Self {
        let mut hunt = Self { canaries, exact: Vec::new(), small: Vec::new() };
        for (canary, core) in canaries
            .iter()
            .enumerate()
            .flat_map(|(at, canary)| canary.cores.iter().map(move |core| (at, core)))
        {
            let octets = core.iter().any(|byte| !byte.is_ascii_graphic());
            let mut put = |form, bytes: Vec<u8>| {
                // Octets have no capitals, and text is looked for in any.
                if form == "base64" || (octets && form == "raw") {
                    hunt.exact.push(Needle { canary, form, bytes });
                } else {
                    hunt.small.push(Needle { canary, form, bytes: bytes.to_ascii_lowercase() });
                }
            };
            put("raw", core.clone());
            put("hex", hex::encode(core).into_bytes());
            put(
                "percent-encoded",
                core.iter().flat_map(|byte| format!("%{byte:02x}").into_bytes()).collect(),
            );
            put("escaped", core.iter().flat_map(|byte| format!("\\x{byte:02x}").into_bytes()).collect());
            put("escaped", core.iter().flat_map(|byte| format!("\\u00{byte:02x}").into_bytes()).collect());
            put("UTF-16", core.iter().flat_map(|byte| [*byte, 0]).collect());
            for comma in [", ", ","] {
                let numbers: Vec<_> = core.iter().map(ToString::to_string).collect();
                put("list of numbers", numbers.join(comma).into_bytes());
            }
            for text in base64_forms(core) {
                put("base64", text);
            }
        }
        hunt
    }

    /// Every canary in these bytes, and its form.
    pub(crate) fn found(&self, bytes: &[u8]) -> BTreeSet<(&'static str, &'static str)> {
        let mut found = BTreeSet::new();
        let mut look = |bytes: &[u8], needles: &[Needle]| {
            for needle in search(bytes, needles) {
                found.insert((self.canaries[needle.canary].what, needle.form));
            }
        };
        look(bytes, &self.exact);
        look(&bytes.to_ascii_lowercase(), &self.small);
        found
    }

    /// None may be in these bytes.
    pub(crate) fn through(&self, place: &str, bytes: &[u8]) {
        let found = self.found(bytes);
        assert!(found.is_empty(), "in {place}: {found:?}");
    }

    /// How many files there are below a directory, and every canary in one of them or in a name.
    pub(crate) fn below(&self, directory: &Path) -> (usize, Vec<String>) {
        let (mut files, mut caught) = (0, Vec::new());
        for entry in fs::read_dir(directory).expect("lists") {
            let path = entry.expect("lists").path();
            let name = path.file_name().expect("has one").as_encoded_bytes();
            let mut found = self.found(name);
            if path.is_dir() {
                let (more, deeper) = self.below(&path);
                files += more;
                caught.extend(deeper);
            } else {
                found.extend(self.found(&fs::read(&path).expect("reads")));
                files += 1;
            }
            caught.extend(found.iter().map(|found| format!("{found:?} in {}", path.display())));
        }
        (files, caught)
    }
}

/// A core within longer data begins at any of three places of a group of four letters; what its neighbours decide is
/// left away.
fn base64_forms(core: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = Vec::new();
    for before in 0..3 {
        let padded = [&[0; 2][..before], core].concat();
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded).into_bytes();
            let end = if padded.len().is_multiple_of(3) { text.len() } else { text.len() - 1 };
            forms.push(text[[0, 2, 3][before]..end].to_vec());
        }
    }
    forms
}

/// The needles that are in these bytes. By their first two bytes, since most of what is searched is nothing like them.
fn search<'n>(bytes: &[u8], needles: &'n [Needle]) -> Vec<&'n Needle> {
    let pair = |bytes: &[u8]| usize::from(u16::from_le_bytes([bytes[0], bytes[1]]));
    let mut begins = vec![false; 1 << 16];
    for needle in needles {
        begins[pair(&needle.bytes)] = true;
    }
    let mut found = Vec::new();
    for (at, two) in bytes.windows(2).enumerate() {
        if begins[pair(two)] {
            found.extend(needles.iter().filter(|needle| bytes[at..].starts_with(&needle.bytes)));
        }
    }
    found
}

#[test]
fn l06_a_canary_that_was_planted_is_found_in_each_form() {
    let canaries = [Canary::wild("password"), Canary::address("address")];
    let (core, octets) = (canaries[0].cores[0].clone(), canaries[1].cores[2].clone());
    let hunt = Hunt::new(&canaries);
    let place = tempfile::tempdir().expect("a directory");
    let check = |what, form, planted: Vec<u8>| {
        for before in 0..3 {
            let around = [vec![0; 1000], b"abc"[..before].to_vec(), planted.clone(), vec![1; 1000]].concat();
            assert!(hunt.found(&around).contains(&(what, form)), "{what} {form} after {before}");
            fs::write(place.path().join("file"), &around).expect("writes");
            let (files, caught) = hunt.below(place.path());
            assert!(files == 1 && !caught.is_empty(), "{what} {form}");
        }
    };
    check("password", "raw", core.clone());
    check("password", "raw", core.to_ascii_uppercase());
    check("password", "raw", serde_json::json!(canaries[0].text).to_string().into_bytes());
    check("password", "raw", format!("{:?}", canaries[0].text).into_bytes());
    check("password", "hex", hex::encode(&core).into_bytes());
    check("password", "hex", hex::encode_upper(&canaries[0].text).into_bytes());
    check(
        "password",
        "percent-encoded",
        core.iter().flat_map(|byte| format!("%{byte:02X}").into_bytes()).collect(),
    );
    check("password", "list of numbers", format!("{:?}", canaries[0].text.as_bytes()).into_bytes());
    check("password", "list of numbers", serde_json::json!(core).to_string().into_bytes());
    check("address", "raw", canaries[1].text.clone().into_bytes());
    check("address", "raw", octets.clone());
    check("address", "hex", hex::encode(&octets).into_bytes());
    for before in 0..3 {
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let around = [&b"abc"[..before], canaries[0].text.as_bytes(), b":xyz"].concat();
            check("password", "base64", engine.encode(around).into_bytes());
            check("address", "base64", engine.encode([&b"abc"[..before], &octets].concat()).into_bytes());
        }
    }
    fs::remove_file(place.path().join("file")).expect("removes");
    fs::create_dir(place.path().join(String::from_utf8(core).expect("letters"))).expect("creates");
    assert_eq!(hunt.below(place.path()).1.len(), 1, "in a name");
    assert!(hunt.found(&vec![0; 100_000]).is_empty());
}
