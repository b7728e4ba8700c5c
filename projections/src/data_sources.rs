//! Data sources: connections to data stores, with their options.

use std::sync::Arc;

use events::{
    data_source::{ConnectionType, DataSourceMembersChanged, DataSourceUpdated},
    envelope::Envelope,
    event::Event,
    id::{DataSourceId, DataStoreId, OAuthProfileId, PermissionId, Sequence, TenantId, UserId},
    sealed::{KeyId, Sealed},
    sorted::{SortedMap, SortedVec},
};
use serde::{Deserialize, Serialize};

use crate::{
    nouns::facts,
    table::{Merged, Table, projection},
};

/// The option that tells whether a data source is reached by OData.
const ODATA_OPTION: &str = "ODataVersion";
/// HDP's `ViewDataSource`, by which lists tell what they show.
const VIEW: PermissionId = PermissionId(2);

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
    /// Exactly what its owner may do with it; `None`: what his roles and permissions give him.
    pub permissions: Option<SortedVec<PermissionId>>,
    /// The event that last changed it, its permissions, members, or with whom it is shared.
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

    /// Whether the permissions set on it let its owner view it; `None` when none are set.
    fn lets_view(&self) -> Option<bool> {
        self.permissions.as_ref().map(|permissions| permissions.has(&VIEW))
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
            permissions: self.permissions.clone(),
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
    /// By what the permissions set on them say of viewing.
    pub view: View,
}

impl Filter {
    /// Whether `row` passes by what it is; permissions are not looked at.
    pub fn passes(&self, row: &DataSource) -> bool {
        self.group.is_none_or(|wanted| wanted == row.is_group())
            && self.odata.is_none_or(|wanted| wanted == row.is_odata())
    }
}

/// Which of somebody's data sources a list shows, by the permissions set on each, or given with it when it is shared.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum View {
    /// All of them.
    #[default]
    All,
    /// Those that may be viewed by what is set on them, and those on which nothing is set.
    NotRefused,
    /// Only those that may be viewed by what is set on them.
    Permitted,
}

impl View {
    /// What an index says of a data source (as `DataSource::lets_view`) that passes.
    fn passing(self) -> &'static [Option<bool>] {
        match self {
            Self::All => &[None, Some(false), Some(true)],
            Self::NotRefused => &[None, Some(true)],
            Self::Permitted => &[Some(true)],
        }
    }
}

projection! {
    /// All data sources.
    DataSources, DataSourcesChanges {
        primary {
            /// By id.
            rows: DataSourceId => Arc<DataSource>;
            /// With which users it is shared, and what each may do with it.
            shared_users: (DataSourceId, UserId) => SortedVec<PermissionId>;
            /// With which tenants it is shared, and what their users may do with it.
            shared_tenants: (DataSourceId, TenantId) => SortedVec<PermissionId>;
            /// The members of a group, each with the prefix of its tables' names.
            members: (DataSourceId, DataSourceId) => String;
            /// The keys of data sources that a user deleted: the log still holds what they sealed, and his erasure destroys
            /// them, too.
            ended: (UserId, KeyId) => ();
        }
        index {
            /// A user's data sources by what lists can be filtered by: whether it is a group, whether it is reached by
            /// OData, whether the permissions set on it let him view it; then in the order of their ids.
            by_owner: (UserId, bool, bool, Option<bool>, DataSourceId) => (), from rows |id, row| {
                [((row.owner, row.is_group(), row.is_odata(), row.lets_view(), *id), ())]
            };
            /// By name among the owner's.
            by_name: (UserId, String) => DataSourceId, from rows |id, row| [((row.owner, row.name.clone()), *id)];
            /// What is shared with a user, by what lists can be filtered by, as in `by_owner`.
            with_user: (UserId, bool, bool, Option<bool>, DataSourceId) => (), from shared_users |key, permissions| {
                rows.get(&key.0).map(|row| (listed(key.1, row, permissions, key.0), ()))
            };
            /// What is shared with a tenant, likewise.
            with_tenant: (TenantId, bool, bool, Option<bool>, DataSourceId) => (), from shared_tenants |key, permissions| {
                rows.get(&key.0).map(|row| (listed(key.1, row, permissions, key.0), ()))
            };
            /// The groups that a data source is a member of.
            groups_of: (DataSourceId, DataSourceId) => (), from members |key, _prefix| [((key.1, key.0), ())];
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
                    permissions: None,
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
                self.unshare(id, &before);
                self.disband(id);
                self.rows.remove(&id);
                self.ended.put((before.owner, before.key_id), ());
            }
            Event::DataSourceShared(shared) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                for (user, permissions) in shared.users.iter() {
                    self.forget_user(id, &before, *user);
                    self.shared_users.put((id, *user), permissions.clone());
                    self.with_user.put(listed(*user, &before, permissions, id), ());
                }
                for (tenant, permissions) in shared.tenants.iter() {
                    self.forget_tenant(id, &before, *tenant);
                    self.shared_tenants.put((id, *tenant), permissions.clone());
                    self.with_tenant.put(listed(*tenant, &before, permissions, id), ());
                }
                self.touch(id, &before, header.sequence);
            }
            Event::DataSourceUnshared(unshared) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                for user in unshared.users.iter() {
                    self.forget_user(id, &before, *user);
                }
                for tenant in unshared.tenants.iter() {
                    self.forget_tenant(id, &before, *tenant);
                }
                self.touch(id, &before, header.sequence);
            }
            Event::DataSourcePermissionsSet(set) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                let source = DataSource {
                    permissions: set.permissions.clone(),
                    changed: header.sequence,
                    ..DataSource::clone(&before)
                };
                self.replace(id, &before, source);
            }
            Event::DataSourceMembersChanged(change) => {
                let Some(before) = self.rows.get(&id).cloned() else { return };
                self.regroup(id, change);
                self.touch(id, &before, header.sequence);
            }
            Event::UserDeleted(_) => self.forget_ended(UserId(header.stream.id)),
            Event::UserCreated(_)
            | Event::UserLocked(_)
            | Event::UserUnlocked(_)
            | Event::UserUpdated(_)
            | Event::UserStatusSet(_)
            | Event::UserPasswordSet(_)
            | Event::UserRolesSet(_)
            | Event::UserMoved(_)
            | facts!(ledger)
            | facts!(tenant)
            | facts!(role)
            | facts!(oauth_app)
            | facts!(oauth_profile)
            | facts!(client_application)
            | facts!(grant)
            | facts!(token)
            | facts!(disclosure)
            | facts!(limit)
            | facts!(setting)
            | facts!(ip_whitelist) => {}
        }
    }

    /// Most changes leave what the indexes go by, and then leave the indexes.
    fn replace(&mut self, id: DataSourceId, before: &DataSource, after: DataSource) {
        let own = |row: &DataSource| (row.owner, row.is_group(), row.is_odata(), row.lets_view());
        let same = own(before) == own(&after) && before.name == after.name && before.profile == after.profile;
        if !same {
            self.forget(id, before);
            self.index(id, &after);
        }
        if before.is_odata() != after.is_odata() {
            for (user, permissions) in self.users_of(id) {
                self.with_user.remove(&listed(user, before, &permissions, id));
                self.with_user.put(listed(user, &after, &permissions, id), ());
            }
            for (tenant, permissions) in self.tenants_of(id) {
                self.with_tenant.remove(&listed(tenant, before, &permissions, id));
                self.with_tenant.put(listed(tenant, &after, &permissions, id), ());
            }
        }
        self.rows.put(id, Arc::new(after));
    }

    fn touch(&mut self, id: DataSourceId, before: &DataSource, changed: Sequence) {
        self.rows.put(id, Arc::new(DataSource { changed, ..DataSource::clone(before) }));
    }

    fn unshare(&mut self, id: DataSourceId, row: &DataSource) {
        for (user, _) in self.users_of(id) {
            self.forget_user(id, row, user);
        }
        for (tenant, _) in self.tenants_of(id) {
            self.forget_tenant(id, row, tenant);
        }
    }

    fn forget_user(&mut self, id: DataSourceId, row: &DataSource, user: UserId) {
        let Some(permissions) = self.shared_users.get(&(id, user)).cloned() else { return };
        self.shared_users.remove(&(id, user));
        self.with_user.remove(&listed(user, row, &permissions, id));
    }

    fn forget_tenant(&mut self, id: DataSourceId, row: &DataSource, tenant: TenantId) {
        let Some(permissions) = self.shared_tenants.get(&(id, tenant)).cloned() else { return };
        self.shared_tenants.remove(&(id, tenant));
        self.with_tenant.remove(&listed(tenant, row, &permissions, id));
    }

    fn users_of(&self, id: DataSourceId) -> Vec<(UserId, SortedVec<PermissionId>)> {
        self.shared_users_of(id, UserId(0)).map(|(user, permissions)| (user, permissions.clone())).collect()
    }

    fn tenants_of(&self, id: DataSourceId) -> Vec<(TenantId, SortedVec<PermissionId>)> {
        let tenants = self.shared_tenants_of(id, TenantId(0));
        tenants.map(|(tenant, permissions)| (tenant, permissions.clone())).collect()
    }

    /// A group that is gone has no members. That something which is gone is no member any more is told by events of its groups.
    fn disband(&mut self, group: DataSourceId) {
        let members: Vec<DataSourceId> =
            self.members_of(group, DataSourceId(0)).map(|(member, _)| member).collect();
        for member in members {
            self.members.remove(&(group, member));
            self.groups_of.remove(&(member, group));
        }
    }

    fn forget_ended(&mut self, user: UserId) {
        let keys: Vec<KeyId> = self.ended_of(user).collect();
        for key in keys {
            self.ended.remove(&(user, key));
        }
    }

    fn regroup(&mut self, id: DataSourceId, change: &DataSourceMembersChanged) {
        for member in change.removed.iter() {
            self.members.remove(&(id, *member));
            self.groups_of.remove(&(*member, id));
        }
        for (member, prefix) in change.set.iter() {
            self.members.put((id, *member), prefix.clone());
            self.groups_of.put((*member, id), ());
        }
    }

    fn index(&mut self, id: DataSourceId, row: &DataSource) {
        self.by_owner.put((row.owner, row.is_group(), row.is_odata(), row.lets_view(), id), ());
        self.by_name.put((row.owner, row.name.clone()), id);
        if let Some(profile) = row.profile {
            self.by_profile.put((profile, id), ());
        }
    }

    fn forget(&mut self, id: DataSourceId, row: &DataSource) {
        self.by_owner.remove(&(row.owner, row.is_group(), row.is_odata(), row.lets_view(), id));
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
        passing(&self.by_owner, owner, filter, after)
    }

    /// The data sources shared with `user` himself after `after` that pass `filter`, likewise.
    pub fn shared_with_user(
        &self,
        user: UserId,
        filter: Filter,
        after: DataSourceId,
    ) -> impl Iterator<Item = DataSourceId> + '_ {
        passing(&self.with_user, user, filter, after)
    }

    /// The data sources shared with `tenant` after `after` that pass `filter`, likewise.
    pub fn shared_with_tenant(
        &self,
        tenant: TenantId,
        filter: Filter,
        after: DataSourceId,
    ) -> impl Iterator<Item = DataSourceId> + '_ {
        passing(&self.with_tenant, tenant, filter, after)
    }

    /// The keys of the data sources of `owner` that are gone, in their order.
    pub fn ended_of(&self, owner: UserId) -> impl Iterator<Item = KeyId> + '_ {
        let all = (owner, KeyId([0; 32]))..=(owner, KeyId([u8::MAX; 32]));
        self.ended.range(all).map(|((_, key), ())| *key)
    }

    /// With which users after `after` a data source is shared, in the order of their ids.
    pub fn shared_users_of(
        &self,
        source: DataSourceId,
        after: UserId,
    ) -> impl Iterator<Item = (UserId, &SortedVec<PermissionId>)> + '_ {
        let from = (source, UserId(after.0.saturating_add(1)));
        self.shared_users
            .range(from..=(source, UserId(u64::MAX)))
            .map(|((_, user), permissions)| (*user, permissions))
    }

    /// With which tenants after `after` a data source is shared, in the order of their ids.
    pub fn shared_tenants_of(
        &self,
        source: DataSourceId,
        after: TenantId,
    ) -> impl Iterator<Item = (TenantId, &SortedVec<PermissionId>)> + '_ {
        let from = (source, TenantId(after.0.saturating_add(1)));
        self.shared_tenants
            .range(from..=(source, TenantId(u64::MAX)))
            .map(|((_, tenant), permissions)| (*tenant, permissions))
    }

    /// The members of a group after `after` with their prefixes, in the order of their ids.
    pub fn members_of(
        &self,
        group: DataSourceId,
        after: DataSourceId,
    ) -> impl Iterator<Item = (DataSourceId, &str)> + '_ {
        let from = (group, DataSourceId(after.0.saturating_add(1)));
        self.members
            .range(from..=(group, DataSourceId(u64::MAX)))
            .map(|((_, member), prefix)| (*member, prefix.as_str()))
    }

    /// The groups after `after` that a data source is a member of, in the order of their ids.
    pub fn groups_of(
        &self,
        member: DataSourceId,
        after: DataSourceId,
    ) -> impl Iterator<Item = DataSourceId> + '_ {
        let from = (member, DataSourceId(after.0.saturating_add(1)));
        self.groups_of.range(from..=(member, DataSourceId(u64::MAX))).map(|((_, group), ())| *group)
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

/// The key of an index of data sources by somebody and by what lists are filtered by.
type ListedKey<K> = (K, bool, bool, Option<bool>, DataSourceId);

/// What is shared with somebody, as he finds it.
fn listed<K>(
    with: K,
    row: &DataSource,
    permissions: &SortedVec<PermissionId>,
    id: DataSourceId,
) -> ListedKey<K> {
    (with, row.is_group(), row.is_odata(), Some(permissions.has(&VIEW)), id)
}

fn passing<'a, K: Ord + Copy + 'a>(
    index: &'a Table<'_, ListedKey<K>, ()>,
    of: K,
    filter: Filter,
    after: DataSourceId,
) -> impl Iterator<Item = DataSourceId> + 'a {
    let kinds = [(false, false), (false, true), (true, false), (true, true)].into_iter().filter(
        move |(group, odata)| {
            filter.group.is_none_or(|wanted| wanted == *group)
                && filter.odata.is_none_or(|wanted| wanted == *odata)
        },
    );
    let from = DataSourceId(after.0.saturating_add(1));
    let views = filter.view.passing();
    let parts = kinds.flat_map(move |(group, odata)| views.iter().map(move |view| (group, odata, *view)));
    Merged::of(parts.map(move |(group, odata, view)| {
        let range = (of, group, odata, view, from)..=(of, group, odata, view, DataSourceId(u64::MAX));
        index.range(range).map(|((.., source), ())| *source)
    }))
}
