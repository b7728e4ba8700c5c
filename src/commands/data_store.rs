//! The data stores we know, and the options of data sources on them (hdp-api 4.1, 4.3 and 9.16).

use events::id::DataStoreId;

use super::field::{EndpointUri, SCOPE_BYTES_MAX, ScopeList};

/// The data store of groups of data sources.
pub const GROUP: DataStoreId = DataStoreId(56);
/// The data store whose data sources take their tokens from profiles only (hdp-api 4.3).
const GOOGLE_ANALYTICS: DataStoreId = DataStoreId(54);
/// The option that names a profile.
pub const PROFILE_OPTION: &str = "OAuthProfileId";

/// A kind of provider that data sources connect to.
#[derive(Clone, Copy, Debug)]
pub struct DataStore {
    /// HDP's number.
    pub id: DataStoreId,
    /// HDP's name.
    pub name: &'static str,
    /// Whether an OAuth application can be registered for it; a group of data sources has no provider.
    pub takes_oauth_apps: bool,
    /// By which grants tokens for it can be had.
    pub grant_types: &'static [&'static str],
    /// The options that we know of. A data source may have others, which are sealed.
    pub options: &'static [KnownOption],
}

/// An option that we know of.
#[derive(Clone, Copy, Debug)]
pub struct KnownOption {
    /// As HDP spells it.
    pub name: &'static str,
    /// Whether it is a secret or names a person, and is sealed. Otherwise it stands in the clear in the log.
    pub sealed: bool,
}

const fn plain(name: &'static str) -> KnownOption {
    KnownOption { name, sealed: false }
}

const fn sealed(name: &'static str) -> KnownOption {
    KnownOption { name, sealed: true }
}

/// The option that says where a provider asks its users (hdp-api 4.3 (b)).
pub const AUTH_URI: &str = "AuthURI";
/// The option that says where a provider gives tokens, and gets secrets.
pub const TOKEN_URI: &str = "TokenURI";
const CLIENT_ID: &str = "ClientId";
const CLIENT_SECRET: &str = "ClientSecret";
const ACCESS_TOKEN: &str = "AccessToken";
const REFRESH_TOKEN: &str = "RefreshToken";
const SCOPE: &str = "Scope";
const OAUTH_PARAMETERS: [&str; 7] =
    [AUTH_URI, TOKEN_URI, CLIENT_ID, CLIENT_SECRET, ACCESS_TOKEN, REFRESH_TOKEN, SCOPE];

const OAUTH_AND_PASSWORD: &[KnownOption] = &[
    plain("AuthenticationMethod"),
    plain("ODataVersion"),
    plain("DefaultQueryOptions"),
    plain("ConfigOptions"),
    plain(PROFILE_OPTION),
    plain(AUTH_URI),
    plain(TOKEN_URI),
    plain(CLIENT_ID),
    sealed(CLIENT_SECRET),
    sealed(ACCESS_TOKEN),
    sealed(REFRESH_TOKEN),
    plain(SCOPE),
    sealed("User"),
    sealed("Password"),
];
const ANALYTICS: &[KnownOption] =
    &[plain("ODataVersion"), plain("DefaultQueryOptions"), plain("ConfigOptions"), plain(PROFILE_OPTION)];

const ALL_GRANTS: &[&str] = &["access_token", "authorization_code", "client_credentials", "refresh_token"];
const USER_GRANTS: &[&str] = &["access_token", "authorization_code", "refresh_token"];

/// Every data store, in the order of ids.
pub const DATA_STORES: &[DataStore] = &[
    DataStore {
        id: DataStoreId(1),
        name: "Salesforce",
        takes_oauth_apps: true,
        grant_types: USER_GRANTS,
        options: OAUTH_AND_PASSWORD,
    },
    DataStore {
        id: GOOGLE_ANALYTICS,
        name: "Google Analytics",
        takes_oauth_apps: true,
        grant_types: &["authorization_code"],
        options: ANALYTICS,
    },
    DataStore {
        id: GROUP,
        name: "DataSource Group",
        takes_oauth_apps: false,
        grant_types: &[],
        options: &[plain("ODataVersion")],
    },
    DataStore {
        id: DataStoreId(62),
        name: "Google BigQuery",
        takes_oauth_apps: true,
        grant_types: USER_GRANTS,
        options: OAUTH_AND_PASSWORD,
    },
    DataStore {
        id: DataStoreId(63),
        name: "Autonomous REST Connector",
        takes_oauth_apps: true,
        grant_types: ALL_GRANTS,
        options: OAUTH_AND_PASSWORD,
    },
    DataStore {
        id: DataStoreId(76),
        name: "Snowflake",
        takes_oauth_apps: true,
        grant_types: ALL_GRANTS,
        options: OAUTH_AND_PASSWORD,
    },
];

impl DataStore {
    /// Whether an option of that name stands in the clear.
    pub fn has_plain(&self, option: &str) -> bool {
        self.options.iter().any(|known| known.name == option && !known.sealed)
    }

    /// Whether a data source on this store can have this option (222207002 when not); what we know of an option's form is
    /// held against its value.
    pub fn takes(&self, option: &str, value: &str) -> bool {
        let named = !option.is_empty() && option.len() <= OPTION_NAME_BYTES_MAX;
        if !named || option.chars().any(char::is_control) || value.contains('\0') {
            return false;
        }
        if self.id == GOOGLE_ANALYTICS && OAUTH_PARAMETERS.contains(&option) {
            return false;
        }
        if self.id == GROUP && (option == PROFILE_OPTION || OAUTH_PARAMETERS.contains(&option)) {
            return false;
        }
        match option {
            AUTH_URI | TOKEN_URI => value.is_empty() || EndpointUri::parse(value).is_ok(),
            SCOPE => value.is_empty() || (value.len() <= SCOPE_BYTES_MAX && ScopeList::parse(value).is_ok()),
            _ => true,
        }
    }
}

/// Longest name of an option, in bytes.
pub const OPTION_NAME_BYTES_MAX: usize = 128;

/// The data store of that id.
pub fn by_id(id: DataStoreId) -> Option<&'static DataStore> {
    DATA_STORES.iter().find(|store| store.id == id)
}

/// The ids an OAuth application may name, for the sentence that refuses another.
pub fn ids_taking_oauth_apps() -> String {
    let ids: Vec<String> =
        DATA_STORES.iter().filter(|store| store.takes_oauth_apps).map(|store| store.id.to_string()).collect();
    ids.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_stands_in_the_clear_and_oauth_parameters_are_not_for_analytics() {
        for store in DATA_STORES {
            for secret in [CLIENT_SECRET, ACCESS_TOKEN, REFRESH_TOKEN, "Password", "PrivateKey", "Anything"] {
                assert!(!store.has_plain(secret), "{secret} on {}", store.name);
            }
            for parameter in OAUTH_PARAMETERS {
                let value = if parameter.ends_with("URI") { "https://provider.example/x" } else { "x" };
                let expected = store.id != GOOGLE_ANALYTICS && store.id != GROUP;
                assert_eq!(store.takes(parameter, value), expected, "{parameter} on {}", store.name);
            }
            assert!(!store.takes("", "x") && !store.takes("A\n", "x") && !store.takes("A", "\0"));
            assert!(!store.takes(&"A".repeat(129), "x") && store.takes(&"A".repeat(128), "x"));
        }
        let salesforce = by_id(DataStoreId(1)).expect("there is one");
        assert!(!salesforce.takes(TOKEN_URI, "no uri") && salesforce.takes(TOKEN_URI, ""));
    }
}
