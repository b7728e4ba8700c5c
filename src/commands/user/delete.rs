//! The end of a user, which is an erasure: his keys leave the key store with the events that say so, and with them everything
//! that the log knows of his name, his addresses and his secrets becomes unreadable. Ids stay.

use events::{
    client_application::ClientApplicationTransferred,
    data_source::{DataSourceDeleted, DataSourceMembersChanged},
    envelope::{Stream, StreamKind},
    id::{ClientApplicationId, DataSourceId, GrantId, OAuthProfileId, Sequence, TenantId, UserId},
    oauth_profile::OAuthProfileDeleted,
    sealed::KeyId,
    sorted::SortedMap,
    user::UserDeleted,
};
use projections::{State, data_sources::Filter};

use super::{
    access::lost,
    found, stream,
    update::{one_administrator_stays, unshared},
};
use crate::{
    auth::{permission::DELETE_USERS, principal::Principal},
    commands::{
        Cause, Decision, Fact, LoginChange, Object, Refusal, View, acting, client_application,
        grant::revoke::revoked, granting::may_change_user, oauth_profile::no_more_than_one_command,
        unchanged_since,
    },
    vault::{entries, login::LoginTag},
};

/// Most keys that one erasure destroys. They come without leaves of their own: beside the 3 MiB of leaves that a batch may have,
/// this many entries of 33 bytes fit into its 4 MiB.
const KEYS_MAX: usize = 30_000;

/// What becomes of a deleted user's client applications, which others may have allowed to do something for them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Clients {
    /// They end with him; he stays if others allowed one of them anything.
    #[default]
    EndUnlessAllowed,
    /// They end with him, and with them what others allowed them.
    End,
    /// They are this user's from now on, who lives where he lived.
    GoTo(UserId),
}

/// A user deleted.
#[derive(Clone, Debug)]
pub struct DeleteUser {
    /// Which.
    pub user: UserId,
    /// From `If-Match`: the event that last changed him must be among these. `None` asks for nothing.
    pub expected: Option<Vec<Sequence>>,
    /// His entry of the login index.
    pub login: LoginTag,
    /// What becomes of his client applications.
    pub clients: Clients,
}

/// Records `UserDeleted` and, before it, the end of all that refers to him. Needs 12, or 16 and administrative access on his
/// tenant; nobody deletes himself. With his key go those of his data sources and profiles, also of those that were deleted before
/// him; who has had more of them than one batch can destroy the keys of is not deleted at all, rather than erased in part.
pub(in crate::commands) fn delete(
    view: &View<'_>,
    cause: &Cause,
    wish: &DeleteUser,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    let id = wish.user;
    let principal = acting(state, cause.actor, cause.on_behalf_of, &[DELETE_USERS])?;
    let row = found(view, &principal, id)?;
    may_change_user(state, &principal, id)?;
    if principal.user == id {
        return Err(Refusal::Forbidden);
    }
    unchanged_since(row.changed, wish.expected.as_deref())?;
    one_administrator_stays(state, id, row, false)?;
    // His name was opened before the writer's turn came; it may have changed since.
    if view.logins.get(&wish.login) != Some(&id) {
        return Err(Refusal::Again);
    }
    let (mut facts, mut keys) = (Vec::new(), Vec::new());
    his_own(state, id, &mut facts, &mut keys);
    keys.extend(state.data_sources.ended_of(id));
    keys.extend(state.oauth_profiles.ended_of(id));
    keys.extend(state.client_applications.ended_of(id));
    let grants = state.grants.of_user(id, ClientApplicationId(0));
    facts.extend(grants.filter_map(|(_, grant)| Some(revoked(grant, state.grants.rows.get(&grant)?))));
    match wish.clients {
        Clients::EndUnlessAllowed if others_allowed(state, id) => {
            return Err(Refusal::InUse(
                "other users have allowed something to a client application of this user: force=true ends that, \
                    transferTo=<userId> gives the applications to another user of his tenant",
            ));
        }
        Clients::EndUnlessAllowed | Clients::End => clients_end(state, id, &mut facts, &mut keys),
        Clients::GoTo(other) => clients_go_to(view, &principal, row.tenant, (id, other), &mut facts)?,
    }
    let shared = state.data_sources.shared_with_user(id, Filter::default(), DataSourceId(0));
    let shared = shared.filter_map(|source| Some((source, state.data_sources.rows.get(&source)?)));
    facts.extend(shared.map(|(source, row)| unshared(source, row.tenant, id)));
    facts.extend(state.tenants.administered_by(id).map(|tenant| lost(tenant, id)));
    facts.push(Fact::new(row.tenant, stream(id), UserDeleted { key_id: row.key_id() }));
    keys.push(row.key_id());
    if keys.len() > KEYS_MAX {
        return Err(Refusal::TooManyEvents(keys.len()));
    }
    Ok(Decision {
        facts: no_more_than_one_command(facts)?,
        keys: keys.iter().map(entries::destroy).collect(),
        logins: vec![LoginChange::Remove(wish.login)],
    })
}

/// Whether somebody else allowed one of his client applications anything.
fn others_allowed(state: &State<'_>, id: UserId) -> bool {
    let mut clients = state.client_applications.of_owner(id, ClientApplicationId(0));
    clients.any(|client| {
        // He himself can hold no more than one of its grants.
        let mut grants = state.grants.of_client(client, GrantId(0)).take(2);
        grants.any(|grant| state.grants.rows.get(&grant).is_some_and(|grant| grant.user != id))
    })
}

fn clients_end(state: &State<'_>, id: UserId, facts: &mut Vec<Fact>, keys: &mut Vec<KeyId>) {
    let clients = &state.client_applications;
    for client in clients.of_owner(id, ClientApplicationId(0)) {
        let Some(row) = clients.rows.get(&client) else { continue };
        facts.push(client_application::ended(client, row));
        keys.push(row.key_id);
    }
}

/// His client applications become another's of the same tenant, whom the caller administers, too; so whoever allowed them
/// something lives where they can be used. With an application that has a user's rights go these rights, which 12 alone gives.
fn clients_go_to(
    view: &View<'_>,
    principal: &Principal,
    tenant: TenantId,
    (id, other): (UserId, UserId),
    facts: &mut Vec<Fact>,
) -> Result<(), Refusal> {
    let state = &view.state;
    let his = state.users.rows.get(&other).is_some_and(|row| row.tenant == tenant);
    if !his || other == id {
        return Err(Refusal::UnknownReference(Object::User(other)));
    }
    // With their secrets and redirect URLs come what all their users allowed them: nobody takes that for himself.
    if other == principal.user && !principal.is_administrator() {
        return Err(Refusal::Forbidden);
    }
    let clients = &state.client_applications;
    for client in clients.of_owner(id, ClientApplicationId(0)) {
        let Some(row) = clients.rows.get(&client) else { continue };
        if row.policy.run_as.is_some() && !principal.is_administrator() {
            return Err(Refusal::Forbidden);
        }
        client_application::name_is_free(state, other, &row.name, None)?;
        let transferred = ClientApplicationTransferred { owner: other };
        facts.push(Fact::new(tenant, client_application::stream(client), transferred));
    }
    Ok(())
}

/// His data sources end, then the profiles that only they could use; the groups of others let go of them first.
fn his_own(state: &State<'_>, id: UserId, facts: &mut Vec<Fact>, keys: &mut Vec<KeyId>) {
    let sources = &state.data_sources;
    for source in sources.of_owner(id, Filter::default(), DataSourceId(0)) {
        let Some(row) = sources.rows.get(&source) else { continue };
        for group in sources.groups_of(source, DataSourceId(0)) {
            let others = sources.rows.get(&group).filter(|group| group.owner != id);
            facts.extend(others.map(|row| {
                let change = DataSourceMembersChanged {
                    set: SortedMap::default(),
                    removed: [source].into_iter().collect(),
                };
                Fact::new(row.tenant, Stream::new(StreamKind::DATA_SOURCE, group.0), change)
            }));
        }
        let stream = Stream::new(StreamKind::DATA_SOURCE, source.0);
        facts.push(Fact::new(row.tenant, stream, DataSourceDeleted {}));
        keys.push(row.key_id);
    }
    for profile in state.oauth_profiles.of_owner(id, OAuthProfileId(0)) {
        let Some(row) = state.oauth_profiles.rows.get(&profile) else { continue };
        let stream = Stream::new(StreamKind::OAUTH_PROFILE, profile.0);
        facts.push(Fact::new(row.tenant, stream, OAuthProfileDeleted {}));
        keys.push(row.key_id());
    }
}
