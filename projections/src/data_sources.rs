//! Data sources: connections to data stores, with their options.

use std::sync::Arc;

use events::{
    data_source::{ConnectionType, DataSourceUpdated},
    envelope::Envelope,
    event::Event,
    id::{DataSourceId, DataStoreId, OAuthProfileId, Sequence, TenantId, UserId},
    sealed::{KeyId, Sealed},
    sorted::SortedMap,
};
use serde::{Deserialize, Serialize};

use crate::table::{Merged, projection};

/// The option that tells whether a data source is reached by OData.
const ODATA_OPTION: &str = "ODataVersion";

/// A data source as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DataSource {
    /// The owner's tenant.
    pub tenant: TenantId,
    /// Whose.
    pub owner: UserId,
    /// Unique among the owner's data sources.
    pub name: String,
    /// What it connects to.
    pub data_store: DataStoreId,
    /// How.
    pub connection_type: ConnectionType,
    /// The living data key.
    pub key_id: KeyId,
    /// Free text.
    pub description: Option<Sealed>,
    /// Whose tokens it uses.
    pub profile: Option<OAuthProfileId>,
    /// Options on its data store's list of plain ones.
    pub plain_options: SortedMap<String, String>,
    /// All others.
    pub sealed_options: SortedMap<String, Sealed>,
    /// The event that last changed it.
    pub changed: Sequence,
}

impl DataSource {
    /// Whether it is a group of data sources.
    pub fn is_group(&self) -> bool {
        self.connection_type == ConnectionType::Group
    }

    /// Whether it is reached by OData: it says of which version.
    pub fn is_odata(&self) -> bool {
        self.plain_options.get(ODATA_OPTION).is_some_and(|version| !version.is_empty())
    }

    fn updated(&self, updated: &DataSourceUpdated, changed: Sequence) -> Self {
        let kept = self.sealed_options.iter().filter(|(name, _)| updated.sealed_options.get(name).is_none());
        let set = updated
            .sealed_options
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.as_ref()?.clone())));
        Self {
            tenant: self.tenant,
            owner: self.owner,
            name: updated.name.clone(),
            data_store: self.data_store,
            connection_type: self.connection_type,
            key_id: self.key_id,
            description: updated.description.clone(),
            profile: updated.profile,
            plain_options: updated.plain_options.clone(),
            sealed_options: kept.cloned().chain(set).collect(),
            changed,
        }
    }
}

/// What a list of data sources is cut down to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    /// Groups only, or only those that are none.
    pub group: Option<bool>,
    /// Only those reached by OData, or only the others.
    pub odata: Option<bool>,
}

projection! {
    /// All data sources.
    DataSources, DataSourcesChanges {
        primary {
            /// By id.
            rows: DataSourceId => Arc<DataSource>;
        }
        index {
            /// A user's data sources by what lists can be filtered by: whether it is a group, whether it is reached by
            /// OData; then in the order of their ids.
            by_owner: (UserId, bool, bool, DataSourceId) => (), from rows |id, row| {
                [((row.owner, row.is_group(), row.is_odata(), *id), ())]
            };
            /// By name among the owner's.
            by_name: (UserId, String) => DataSourceId, from rows |id, row| [((row.owner, row.name.clone()), *id)];
            /// Who uses a profile.
            by_profile: (OAuthProfileId, DataSourceId) => (), from rows |id, row| {
                row.profile.map(|profile| ((profile, *id), ()))
            };
        }
    }
}

impl DataSources<'_> {
    pub(crate) fn apply(&mut self, envelope: &Envelope) {
        let header = &envelope.header;
        let id = DataSourceId(header.stream.id);
        match &envelope.event {
            Event::DataSourceCreated(created) => {
                let source = DataSource {
                    tenant: header.tenant,
                    owner: created.owner,
                    name: created.name.clone(),
                    data_store: created.data_store,
                    connection_type: created.connection_type,
                    key_id: created.key_id,
                    description: created.description.clone(),
                    profile: created.profile,
                    plain_options: created.plain_options.clone(),
                    sealed_options: created.sealed_options.clone(),
                    changed: header.sequence,
                };
                self.index(id, &source);
                self.rows.put(id, Arc::new(source));
            }
            Event::DataSourceUpdated(updated) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                self.replace(id, &before, before.updated(updated, header.sequence));
            }
            Event::DataSourceProfileCleared(_) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                let source =
                    DataSource { profile: None, changed: header.sequence, ..DataSource::clone(&before) };
                self.replace(id, &before, source);
            }
            Event::DataSourceDeleted(_) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                self.forget(id, &before);
                self.rows.remove(&id);
            }
            Event::LedgerCreated(_)
            | Event::SnapshotTaken(_)
            | Event::TenantCreated(_)
            | Event::RoleCreated(_)
            | Event::UserCreated(_)
            | Event::UserLocked(_)
            | Event::OAuthAppCreated(_)
            | Event::OAuthAppUpdated(_)
            | Event::OAuthAppDeleted(_)
            | Event::OAuthProfileCreated(_)
            | Event::OAuthProfileUpdated(_)
            | Event::OAuthProfileDeleted(_)
            | Event::SecretRevealed(_) => {}
        }
    }

    /// Most changes leave what the indexes go by, and then leave the indexes.
    fn replace(&mut self, id: DataSourceId, before: &DataSource, after: DataSource) {
        let listed = |row: &DataSource| (row.owner, row.is_group(), row.is_odata());
        let same =
            listed(before) == listed(&after) && before.name == after.name && before.profile == after.profile;
        if !same {
            self.forget(id, before);
            self.index(id, &after);
        }
        self.rows.put(id, Arc::new(after));
    }

    fn index(&mut self, id: DataSourceId, row: &DataSource) {
        self.by_owner.put((row.owner, row.is_group(), row.is_odata(), id), ());
        self.by_name.put((row.owner, row.name.clone()), id);
        if let Some(profile) = row.profile {
            self.by_profile.put((profile, id), ());
        }
    }

    fn forget(&mut self, id: DataSourceId, row: &DataSource) {
        self.by_owner.remove(&(row.owner, row.is_group(), row.is_odata(), id));
        self.by_name.remove(&(row.owner, row.name.clone()));
        if let Some(profile) = row.profile {
            self.by_profile.remove(&(profile, id));
        }
    }

    /// The data sources of `owner` after `after` that pass `filter`, in the order of their ids; visits no other.
    pub fn of_owner(
        &self,
        owner: UserId,
        filter: Filter,
        after: DataSourceId,
    ) -> impl Iterator<Item = DataSourceId> + '_ {
        let kinds = [(false, false), (false, true), (true, false), (true, true)].into_iter().filter(
            move |(group, odata)| {
                filter.group.is_none_or(|wanted| wanted == *group)
                    && filter.odata.is_none_or(|wanted| wanted == *odata)
            },
        );
        let from = DataSourceId(after.0.saturating_add(1));
        Merged::of(kinds.map(|(group, odata)| {
            let range = (owner, group, odata, from)..=(owner, group, odata, DataSourceId(u64::MAX));
            self.by_owner.range(range).map(|((_, _, _, source), ())| *source)
        }))
    }

    /// The data sources that use a profile, after `after`, in the order of their ids.
    pub fn of_profile(
        &self,
        profile: OAuthProfileId,
        after: DataSourceId,
    ) -> impl Iterator<Item = DataSourceId> + '_ {
        let from = (profile, DataSourceId(after.0.saturating_add(1)));
        self.by_profile.range(from..=(profile, DataSourceId(u64::MAX))).map(|((_, source), ())| *source)
    }
}
