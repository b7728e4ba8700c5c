//! Permissions set on a data source (hdp-api 4.4): by an administrator who acts for its owner, and by nobody else.

use events::{
    data_source::DataSourcePermissionsSet,
    envelope::Actor,
    id::{DataSourceId, PermissionId, Sequence, TenantId},
    sorted::SortedVec,
};

use super::{
    access::{self, SourcePermissions},
    stream,
};
use crate::{
    auth::principal::Principal,
    commands::{
        Cause, Decision, Fact, Refusal, View, is_for_another, oauth_profile::MODIFY, unchanged_since,
    },
};

/// What the owner of a data source may do with it.
#[derive(Clone, Debug)]
pub struct SetDataSourcePermissions {
    /// Which.
    pub id: DataSourceId,
    /// From `If-Match`, as everywhere.
    pub expected: Option<Vec<Sequence>>,
    /// Exactly this; `None`: what his roles and permissions give him.
    pub permissions: Option<SourcePermissions>,
}

/// Always records an event, as for applications.
pub(in crate::commands) fn set(
    view: &View<'_>,
    cause: &Cause,
    wish: &SetDataSourcePermissions,
) -> Result<Decision, Refusal> {
    let principal = access::asked(&view.state, cause.actor, cause.on_behalf_of, &MODIFY)?;
    let row = access::owned(view, &principal, wish.id, &MODIFY)?.row;
    unchanged_since(row.changed, wish.expected.as_deref())?;
    may_set(cause, &principal, wish.permissions.as_ref())?;
    Ok(Decision { facts: vec![fact(wish.id, row.tenant, wish.permissions.clone())], ..Decision::default() })
}

/// That an owner may do exactly this with a data source.
pub(super) fn fact(id: DataSourceId, tenant: TenantId, permissions: Option<SourcePermissions>) -> Fact {
    let permissions: Option<SortedVec<PermissionId>> = permissions.map(SortedVec::from);
    Fact::new(tenant, stream(id), DataSourcePermissionsSet { permissions })
}

/// Only for another, never for oneself, and only what one holds (hdp-api 9.23).
pub(super) fn may_set(
    cause: &Cause,
    principal: &Principal,
    permissions: Option<&SourcePermissions>,
) -> Result<(), Refusal> {
    if !is_for_another(cause.actor, cause.on_behalf_of) || cause.actor == Actor::User(principal.user) {
        return Err(Refusal::Forbidden);
    }
    let mut all = permissions.iter().flat_map(|permissions| permissions.list().iter());
    match all.find(|permission| !principal.may_grant(**permission)) {
        Some(permission) => Err(Refusal::NotHisToGrant(*permission)),
        None => Ok(()),
    }
}
