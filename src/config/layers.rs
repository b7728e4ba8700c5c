//! Where settings come from, and in which order.

use std::path::{Path, PathBuf};

use super::value::Raw;
use super::{Config, ConfigError, KEYS, Key, keys};

/// Variables of this prefix are ours; `AUTHLEDGER_SERVER__LISTEN` sets `server.listen`.
pub const ENVIRONMENT_PREFIX: &str = "AUTHLEDGER_";

/// Variables of our prefix that are no settings, because they are needed once and by one command only.
const OTHER_VARIABLES: &[&str] = &["AUTHLEDGER_ADMIN_PASSWORD"];

/// What was given, before it is read. The order of the fields is the order of the layers.
#[derive(Clone, Default)]
pub struct Layers {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// The environment, or what a test puts in its place; names without our prefix are skipped.
    pub environment: Vec<(String, String)>,
    /// Flags of the command line, by the setting they set.
    pub flags: Vec<(&'static str, String)>,
}

impl Layers {
    /// The layers of this process: its environment, and what its command line gave.
    pub fn of_process(file: Option<PathBuf>, flags: Vec<(&'static str, String)>) -> Layers {
        let environment = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        Layers { file, environment, flags }
    }

    /// Defaults, changed by each layer in turn.
    pub(super) fn read(&self) -> Result<Config, ConfigError> {
        let mut config = Config::default();
        if let Some(path) = &self.file {
            read_file(path, &mut config)?;
        }
        for (variable, value) in &self.environment {
            let Some(rest) = variable.strip_prefix(ENVIRONMENT_PREFIX) else { continue };
            if OTHER_VARIABLES.contains(&variable.as_str()) {
                continue;
            }
            let name = rest.replacen("__", ".", 1).to_lowercase();
            let place = "the environment";
            let key = find(&name).ok_or_else(|| ConfigError::Unknown {
                place: place.to_owned(),
                name: variable.clone(),
                nearest: nearest(&name).map(variable_of),
            })?;
            set(&mut config, key, &Raw::Text(value.clone()), variable)?;
        }
        for (name, value) in &self.flags {
            let key = find(name).expect("flags are named in the code after keys of the table");
            set(&mut config, key, &Raw::Text(value.clone()), "the command line")?;
        }
        Ok(config)
    }
}

fn read_file(path: &Path, config: &mut Config) -> Result<(), ConfigError> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| ConfigError::Unreadable { path: path.to_owned(), reason: error.to_string() })?;
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| {
        // Only the place and the reason: the library's own display quotes the line, which may hold the master key.
        let before = error.span().and_then(|span| text.get(..span.start)).unwrap_or_default();
        let line = 1 + before.matches('\n').count();
        ConfigError::NotToml { path: path.to_owned(), reason: format!("line {line}: {}", error.message()) }
    })?;
    let place = path.display().to_string();
    for (section, content) in &table {
        let unknown = |name: &str| ConfigError::Unknown {
            place: place.clone(),
            name: name.to_owned(),
            nearest: nearest(name).map(str::to_owned),
        };
        let toml::Value::Table(content) = content else { return Err(unknown(section)) };
        if !KEYS.iter().any(|key| key.name.split_once('.').is_some_and(|(of, _)| of == section)) {
            let name = content
                .keys()
                .next()
                .map_or_else(|| format!("[{section}]"), |first| format!("{section}.{first}"));
            return Err(unknown(&name));
        }
        for (name, value) in content {
            let full = format!("{section}.{name}");
            let key = find(&full).ok_or_else(|| unknown(&full))?;
            set(config, key, &Raw::from_toml(value), &place)?;
        }
    }
    Ok(())
}

fn set(config: &mut Config, key: &Key, value: &Raw, place: &str) -> Result<(), ConfigError> {
    keys::read(key, config, value).ok_or_else(|| ConfigError::Invalid {
        place: place.to_owned(),
        name: key.name,
        expected: key.expected.to_owned(),
    })
}

fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.name == name)
}

/// The known name most like this one, if one is like it at all. A name without its section is looked for in every section.
fn nearest(name: &str) -> Option<&'static str> {
    let alike = |key: &Key| {
        let last = key.name.rsplit('.').next().unwrap_or(key.name);
        strsim::jaro_winkler(name, key.name)
            .max(strsim::jaro_winkler(name.rsplit('.').next().unwrap_or(name), last) - 0.02)
    };
    KEYS.iter()
        .map(|key| (alike(key), key.name))
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .filter(|(likeness, _)| *likeness > 0.7)
        .map(|(_, name)| name)
}

fn variable_of(name: &str) -> String {
    format!("{ENVIRONMENT_PREFIX}{}", name.replacen('.', "__", 1).to_uppercase())
}
