//! The data stores we know (hdp-api 4.1 and 9.16).

use events::id::DataStoreId;

/// A kind of provider that data sources connect to.
#[derive(Clone, Copy, Debug)]
pub struct DataStore {
    /// HDP's number.
    pub id: DataStoreId,
    /// HDP's name.
    pub name: &'static str,
    /// Whether an OAuth application can be registered for it; a group of data sources has no provider.
    pub takes_oauth_apps: bool,
}

/// Every data store, in the order of ids.
pub const DATA_STORES: &[DataStore] = &[
    DataStore { id: DataStoreId(1), name: "Salesforce", takes_oauth_apps: true },
    DataStore { id: DataStoreId(54), name: "Google Analytics", takes_oauth_apps: true },
    DataStore { id: DataStoreId(56), name: "DataSource Group", takes_oauth_apps: false },
    DataStore { id: DataStoreId(62), name: "Google BigQuery", takes_oauth_apps: true },
    DataStore { id: DataStoreId(63), name: "Autonomous REST Connector", takes_oauth_apps: true },
    DataStore { id: DataStoreId(76), name: "Snowflake", takes_oauth_apps: true },
];

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
