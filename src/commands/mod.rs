//! Wishes, and the pure functions that decide them.
//!
//! A command is a wish with a cause. `decide` looks at the state that all commands before it leave, and answers with facts
//! to record or with a refusal; it never sees disk, HTTP, clocks or plaintext secrets. Whether the caller may do it is
//! decided here too, in the same order as everything else: a permission taken away one command earlier is already gone.
//!
//! Deliberately absent: reading. Who may see what is asked of [`crate::auth::principal::Principal`] by whoever answers.

mod administrators;
pub mod client_application;
pub mod configuration_table;
pub mod cors;
pub mod data_source;
pub mod data_store;
pub mod disclosure;
pub mod field;
pub mod grant;
pub mod granting;
pub mod ledger;
pub mod limit;
pub mod limit_table;
pub mod oauth_app;
pub mod oauth_profile;
mod refusal;
pub mod role;
mod scope_set;
pub mod setting;
pub mod tenant;
pub mod token;
pub mod user;
pub mod whitelist;

use events::{
    envelope::{Actor, Stream},
    event::Event,
    id::{CommandId, PermissionId, Sequence, TenantId, UserId},
    sealed::{KeyId, Sealed},
    time::Timestamp,
    user::UserStatus,
};
use projections::{
    State,
    table::{Table, TableChanges},
    tokens::{Retired, TokenKey},
};

pub use refusal::{OAuthRefusal, Object, Refusal, Taken};

use self::data_source::{
    access,
    members::RemoveMember,
    permissions::SetDataSourcePermissions,
    sharing::{ChangeShare, UnshareDataSource},
};
use crate::{
    auth::{permission, principal::Principal},
    ledger::store::KeyChange,
    oauth::live::standing_access,
    vault::{idempotency::RequestTags, login::LoginTag},
};

/// What decisions are made on: the folded state, and the login index, which is no fold because it must be erasable.
#[derive(Debug, Default)]
pub struct View<'base> {
    /// The fold of all events.
    pub state: State<'base>,
    /// Whose name each login tag is.
    pub logins: Table<'base, LoginTag, UserId>,
}

/// What a layer changed in a [`View`].
#[derive(Debug)]
pub struct ViewChanges {
    state: projections::Changes,
    logins: TableChanges<LoginTag, UserId>,
}

impl View<'_> {
    /// An empty layer over this base.
    pub fn layer(&self) -> View<'_> {
        View { state: self.state.layer(), logins: self.logins.layer() }
    }

    /// What this layer changed.
    pub fn into_changes(self) -> ViewChanges {
        ViewChanges { state: self.state.into_changes(), logins: self.logins.into_changes() }
    }

    /// Moves a layer's changes into this base.
    pub fn absorb(&mut self, changes: ViewChanges) {
        self.state.absorb(changes.state);
        self.logins.absorb(changes.logins);
    }
}

impl ViewChanges {
    /// What may leave the base later, a slice at a time.
    pub fn take_retired(&mut self, most: usize) -> Retired {
        self.state.take_retired(most)
    }
}

/// Who wishes it, and how a repetition of the wish is known.
#[derive(Clone, Debug)]
pub struct Cause {
    /// Drawn for this command.
    pub id: CommandId,
    /// Who.
    pub actor: Actor,
    /// For whom: an administrator by `?user=`, a client application by its token.
    pub on_behalf_of: Option<UserId>,
    /// The access token by which a client application asks for him.
    pub bearer: Option<TokenKey>,
    /// From the caller's `Idempotency-Key`.
    pub idempotency: Option<RequestTags>,
    /// The address it came from, sealed under the key of the user who asks or is asked for by his token.
    pub origin: Option<Sealed>,
}

/// Whether somebody asks for somebody else. A client application asks for the user of its token as if he did.
pub fn is_for_another(actor: Actor, on_behalf_of: Option<UserId>) -> bool {
    matches!(actor, Actor::User(_)) && on_behalf_of.is_some()
}

/// A wish with its cause.
#[derive(Clone, Debug)]
pub struct Command {
    /// Who and why.
    pub cause: Cause,
    /// What.
    pub wish: Wish,
}

/// Everything that can be wished for.
#[derive(Clone, Debug)]
pub enum Wish {
    /// The first command of every ledger.
    CreateLedger(Box<ledger::CreateLedger>),
    /// A saved state recorded.
    TakeSnapshot(ledger::TakeSnapshot),
    /// A new tenant, with copies of roles.
    CreateTenant(Box<tenant::CreateTenant>),
    /// A tenant replaced.
    UpdateTenant(Box<tenant::UpdateTenant>),
    /// A tenant deleted.
    DeleteTenant(tenant::DeleteTenant),
    /// Who administers a tenant.
    SetTenantAdministrators(tenant::SetTenantAdministrators),
    /// A new role.
    CreateRole(Box<role::CreateRole>),
    /// A role replaced, or who holds it.
    UpdateRole(Box<role::UpdateRole>),
    /// A role deleted.
    DeleteRole(role::DeleteRole),
    /// A new user.
    CreateUser(Box<user::CreateUser>),
    /// A user replaced.
    UpdateUser(Box<user::update::UpdateUser>),
    /// Whether a user may log in.
    SetUserStatus(user::update::SetUserStatus),
    /// What a user may do.
    SetUserPermissions(Box<user::update::SetUserPermissions>),
    /// A password set by somebody else.
    SetUserPassword(Box<user::password::SetUserPassword>),
    /// A password changed by its holder.
    ChangePassword(Box<user::password::ChangePassword>),
    /// Which tenants a user administers.
    SetTenantsAdministered(user::access::SetTenantsAdministered),
    /// A user deleted, and erased.
    DeleteUser(user::delete::DeleteUser),
    /// Too many wrong passwords.
    LockUser(user::LockUser),
    /// A lock ended before its time.
    UnlockUser(user::UnlockUser),
    /// A new application.
    CreateOAuthApp(Box<oauth_app::CreateOAuthApp>),
    /// An application replaced.
    UpdateOAuthApp(Box<oauth_app::UpdateOAuthApp>),
    /// An application deleted.
    DeleteOAuthApp(oauth_app::DeleteOAuthApp),
    /// A new profile.
    CreateOAuthProfile(Box<oauth_profile::CreateOAuthProfile>),
    /// A profile replaced.
    UpdateOAuthProfile(Box<oauth_profile::UpdateOAuthProfile>),
    /// A profile deleted.
    DeleteOAuthProfile(oauth_profile::DeleteOAuthProfile),
    /// A new data source.
    CreateDataSource(Box<data_source::CreateDataSource>),
    /// A data source replaced.
    UpdateDataSource(Box<data_source::UpdateDataSource>),
    /// A data source deleted.
    DeleteDataSource(data_source::DeleteDataSource),
    /// What the owner of a data source may do with it.
    SetDataSourcePermissions(data_source::permissions::SetDataSourcePermissions),
    /// A data source for others, too.
    ShareDataSource(Box<data_source::sharing::ShareDataSource>),
    /// What one of these others may do.
    ChangeShare(data_source::sharing::ChangeShare),
    /// A data source for one less.
    UnshareDataSource(data_source::sharing::UnshareDataSource),
    /// Members for a group of data sources.
    SetMembers(Box<data_source::members::SetMembers>),
    /// A member less.
    RemoveMember(data_source::members::RemoveMember),
    /// A new client application.
    RegisterClientApplication(Box<client_application::RegisterClientApplication>),
    /// A client application replaced.
    UpdateClientApplication(Box<client_application::UpdateClientApplication>),
    /// A client application deleted.
    DeleteClientApplication(client_application::DeleteClientApplication),
    /// Another secret for a client application, and the end of all that was granted to it.
    ResetClientSecret(Box<client_application::secret::ResetClientSecret>),
    /// Another secret for a client application beside the one before.
    RotateClientSecret(Box<client_application::secret::RotateClientSecret>),
    /// What a user allowed a client application, taken back.
    RevokeGrant(grant::revoke::RevokeGrant),
    /// The addresses of a level.
    SetIpWhitelist(Box<whitelist::SetIpWhitelist>),
    /// The addresses of one user.
    SetUserIpWhitelist(Box<whitelist::SetUserIpWhitelist>),
    /// New trusted origins.
    AddCorsOrigins(Box<cors::AddCorsOrigins>),
    /// A trusted origin replaced.
    UpdateCorsOrigin(Box<cors::UpdateCorsOrigin>),
    /// A trusted origin taken off the list.
    RemoveCorsOrigin(cors::RemoveCorsOrigin),
    /// A limit's value set.
    SetLimit(limit::SetLimit),
    /// A limit's value taken away.
    ClearLimit(limit::ClearLimit),
    /// A system configuration replaced.
    SetConfiguration(Box<setting::SetConfiguration>),
    /// The custom password policy replaced.
    SetPasswordPolicy(Box<setting::SetPasswordPolicy>),
    /// Access for a client application.
    AllowAccess(Box<grant::allow::AllowAccess>),
    /// No access for a client application.
    DenyAccess(grant::deny::DenyAccess),
    /// A code for tokens.
    RedeemCode(Box<token::redeem::RedeemCode>),
    /// A refresh token for tokens.
    RefreshTokens(Box<token::refresh::RefreshTokens>),
    /// An access token for an application in its own name.
    IssueClientCredentials(Box<token::client_credentials::IssueClientCredentials>),
    /// A password for tokens.
    IssueByPassword(Box<token::password::IssueByPassword>),
    /// The end of a token before its time.
    RevokeToken(token::revoke::RevokeToken),
    /// Secrets to be shown.
    RevealSecrets(disclosure::RevealSecrets),
}

/// A data key drawn at the edge for an object that does not exist yet.
#[derive(Clone, Debug)]
pub struct NewKey {
    /// Its name in sealed values.
    pub id: KeyId,
    /// Its wrapped form on the way to the key store, and whatever must become durable with it.
    pub entries: Vec<KeyChange>,
}

/// A fact without place and time, which the writer gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fact {
    /// Whose event it will be.
    pub tenant: TenantId,
    /// Whose history it belongs to.
    pub stream: Stream,
    /// What happened.
    pub event: Event,
}

impl Fact {
    fn new(tenant: TenantId, stream: Stream, event: impl Into<Event>) -> Self {
        Self { tenant, stream, event: event.into() }
    }
}

/// What a granted wish comes to. No facts: what was wished for is already so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decision {
    /// Facts to record, as one command.
    pub facts: Vec<Fact>,
    /// Data keys that become durable with them, or are destroyed with them.
    pub keys: Vec<KeyChange>,
    /// Changes of the login index that become durable with them.
    pub logins: Vec<LoginChange>,
}

/// A change of the login index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginChange {
    /// The name is this user's from now on.
    Put(LoginTag, UserId),
    /// The name is nobody's any more.
    Remove(LoginTag),
}

impl LoginChange {
    /// Makes the change in an index.
    pub fn apply(self, logins: &mut Table<'_, LoginTag, UserId>) {
        match self {
            Self::Put(tag, user) => logins.put(tag, user),
            Self::Remove(tag) => logins.remove(&tag),
        }
    }
}

/// Decides a wish at `now`, which is the time its facts will carry.
pub fn decide(view: &View<'_>, command: &Command, now: Timestamp) -> Result<Decision, Refusal> {
    let cause = &command.cause;
    bearer_stands(&view.state, cause)?;
    match &command.wish {
        Wish::CreateLedger(wish) => ledger::create(view, wish),
        Wish::TakeSnapshot(wish) => ledger::take_snapshot(view, cause, wish),
        Wish::CreateTenant(wish) => tenant::create(view, cause, wish),
        Wish::UpdateTenant(wish) => tenant::update(view, cause, wish),
        Wish::DeleteTenant(wish) => tenant::delete(view, cause, wish),
        Wish::SetTenantAdministrators(wish) => tenant::set_administrators(view, cause, wish),
        Wish::CreateRole(wish) => role::create(view, cause, wish),
        Wish::UpdateRole(wish) => role::update(view, cause, wish),
        Wish::DeleteRole(wish) => role::delete(view, cause, wish),
        Wish::CreateUser(wish) => user::create(view, cause, wish, now),
        Wish::UpdateUser(wish) => user::update::update(view, cause, wish, now),
        Wish::SetUserStatus(wish) => user::update::set_status(view, cause, wish, now),
        Wish::SetUserPermissions(wish) => user::update::set_permissions(view, cause, wish),
        Wish::SetUserPassword(wish) => user::password::set(view, cause, wish, now),
        Wish::ChangePassword(wish) => user::password::change(view, cause, wish, now),
        Wish::SetTenantsAdministered(wish) => user::access::set(view, cause, wish),
        Wish::DeleteUser(wish) => user::delete::delete(view, cause, wish),
        Wish::LockUser(wish) => Ok(user::lock(view, wish, now)),
        Wish::UnlockUser(wish) => user::unlock(view, cause, *wish, now),
        Wish::CreateOAuthApp(wish) => oauth_app::create(view, cause, wish),
        Wish::UpdateOAuthApp(wish) => oauth_app::update(view, cause, wish),
        Wish::DeleteOAuthApp(wish) => oauth_app::delete(view, cause, wish),
        Wish::CreateOAuthProfile(wish) => oauth_profile::create(view, cause, wish),
        Wish::UpdateOAuthProfile(wish) => oauth_profile::update(view, cause, wish),
        Wish::DeleteOAuthProfile(wish) => oauth_profile::delete(view, cause, wish),
        Wish::CreateDataSource(wish) => data_source::create(view, cause, wish),
        Wish::UpdateDataSource(wish) => data_source::update(view, cause, wish),
        Wish::DeleteDataSource(wish) => data_source::delete(view, cause, wish),
        Wish::SetDataSourcePermissions(wish) => data_source::permissions::set(view, cause, wish),
        Wish::ShareDataSource(wish) => data_source::sharing::share(view, cause, wish),
        Wish::ChangeShare(wish) => data_source::sharing::change(view, cause, wish),
        Wish::UnshareDataSource(wish) => data_source::sharing::unshare(view, cause, wish),
        Wish::SetMembers(wish) => data_source::members::set(view, cause, wish),
        Wish::RemoveMember(wish) => data_source::members::remove(view, cause, wish),
        Wish::RegisterClientApplication(wish) => client_application::register(view, cause, wish, now),
        Wish::UpdateClientApplication(wish) => client_application::update(view, cause, wish, now),
        Wish::DeleteClientApplication(wish) => client_application::delete(view, cause, wish),
        Wish::ResetClientSecret(wish) => client_application::secret::reset(view, cause, wish),
        Wish::RotateClientSecret(wish) => client_application::secret::rotate(view, cause, wish, now),
        Wish::RevokeGrant(wish) => grant::revoke::revoke(view, cause, *wish),
        Wish::SetIpWhitelist(wish) => whitelist::set(view, cause, wish),
        Wish::SetUserIpWhitelist(wish) => whitelist::set_of_user(view, cause, wish),
        Wish::AddCorsOrigins(wish) => cors::add(view, cause, wish),
        Wish::UpdateCorsOrigin(wish) => cors::update(view, cause, wish),
        Wish::RemoveCorsOrigin(wish) => cors::remove(view, cause, wish),
        Wish::SetLimit(wish) => limit::set(view, cause, wish),
        Wish::ClearLimit(wish) => limit::clear(view, cause, wish),
        Wish::SetConfiguration(wish) => setting::configure(view, cause, wish),
        Wish::SetPasswordPolicy(wish) => setting::set_policy(view, cause, wish),
        Wish::AllowAccess(wish) => grant::allow::allow(view, cause, wish, now),
        Wish::DenyAccess(wish) => grant::deny::deny(view, cause, wish),
        Wish::RedeemCode(wish) => token::redeem::redeem(view, cause, wish, now),
        Wish::RefreshTokens(wish) => token::refresh::refresh(view, cause, wish, now),
        Wish::IssueClientCredentials(wish) => token::client_credentials::issue(view, cause, wish, now),
        Wish::IssueByPassword(wish) => token::password::issue(view, cause, wish, now),
        Wish::RevokeToken(wish) => token::revoke::revoke(view, cause, wish, now),
        Wish::RevealSecrets(wish) => disclosure::reveal(view, cause, wish),
    }
}

/// Whether the answer to a command may be given again to who repeats it: he must still be allowed to ask for it.
pub fn may_repeat(view: &View<'_>, command: &Command) -> Result<(), Refusal> {
    bearer_stands(&view.state, &command.cause)?;
    let permissions: &[PermissionId] = match &command.wish {
        Wish::CreateLedger(_) | Wish::LockUser(_) => return Ok(()),
        Wish::TakeSnapshot(_) => return ledger::may_operate(&view.state, command.cause.actor),
        Wish::CreateTenant(_)
        | Wish::UpdateTenant(_)
        | Wish::DeleteTenant(_)
        | Wish::SetTenantAdministrators(_) => &[permission::TENANT_API],
        Wish::CreateRole(_) => &[permission::CREATE_ROLE],
        Wish::UpdateRole(_) => &[permission::MODIFY_ROLE],
        Wish::DeleteRole(_) => &[permission::DELETE_ROLE],
        Wish::CreateUser(_) => &[permission::CREATE_USERS],
        Wish::UpdateUser(_)
        | Wish::SetUserStatus(_)
        | Wish::SetUserPermissions(_)
        | Wish::SetUserPassword(_)
        | Wish::UnlockUser(_) => &[permission::MODIFY_USERS],
        Wish::ChangePassword(_) => &[permission::CHANGE_PASSWORD],
        Wish::SetTenantsAdministered(_) => &user::access::PERMISSIONS,
        Wish::DeleteUser(_) => &[permission::DELETE_USERS],
        Wish::CreateOAuthApp(_) | Wish::UpdateOAuthApp(_) | Wish::DeleteOAuthApp(_) => {
            &oauth_app::PERMISSIONS
        }
        Wish::CreateOAuthProfile(_) | Wish::CreateDataSource(_) => &oauth_profile::CREATE,
        Wish::UpdateOAuthProfile(_) => &oauth_profile::MODIFY,
        Wish::DeleteOAuthProfile(_) => &oauth_profile::DELETE,
        Wish::UpdateDataSource(wish) => {
            return access::may_repeat(view, &command.cause, wish.id, &oauth_profile::MODIFY);
        }
        Wish::SetDataSourcePermissions(SetDataSourcePermissions { id, .. })
        | Wish::ChangeShare(ChangeShare { id, .. })
        | Wish::UnshareDataSource(UnshareDataSource { id, .. })
        | Wish::RemoveMember(RemoveMember { id, .. }) => {
            return access::may_repeat(view, &command.cause, *id, &oauth_profile::MODIFY);
        }
        Wish::ShareDataSource(wish) => {
            return access::may_repeat(view, &command.cause, wish.id, &oauth_profile::MODIFY);
        }
        Wish::SetMembers(wish) => {
            return access::may_repeat(view, &command.cause, wish.id, &oauth_profile::MODIFY);
        }
        Wish::DeleteDataSource(wish) => {
            return access::may_repeat(view, &command.cause, wish.id, &oauth_profile::DELETE);
        }
        Wish::UpdateClientApplication(wish) => {
            return client_application::may_repeat(view, &command.cause, wish.id);
        }
        Wish::DeleteClientApplication(wish) => {
            return client_application::may_repeat(view, &command.cause, wish.id);
        }
        Wish::ResetClientSecret(wish) => {
            return client_application::secret::may_repeat(view, &command.cause, wish.id);
        }
        Wish::RotateClientSecret(wish) => {
            return client_application::secret::may_repeat(view, &command.cause, wish.id);
        }
        Wish::SetIpWhitelist(wish) => wish.level.permissions(),
        Wish::SetUserIpWhitelist(_) => &whitelist::PERMISSIONS,
        Wish::AddCorsOrigins(_) | Wish::UpdateCorsOrigin(_) | Wish::RemoveCorsOrigin(_) => &cors::PERMISSIONS,
        Wish::SetLimit(_) | Wish::ClearLimit(_) => &limit::PERMISSIONS,
        Wish::SetConfiguration(_) => &setting::CONFIGURE,
        Wish::SetPasswordPolicy(_) => &setting::POLICY,
        // Any active user's.
        Wish::RegisterClientApplication(_) | Wish::RevokeGrant(_)
        // Any active user's; the front takes no idempotency key for them.
        | Wish::AllowAccess(_)
        | Wish::DenyAccess(_)
        // No user wishes the others, and no token is given out again for an `Idempotency-Key`.
        | Wish::RedeemCode(_)
        | Wish::RefreshTokens(_)
        | Wish::IssueClientCredentials(_)
        | Wish::IssueByPassword(_)
        | Wish::RevokeToken(_) => &[],
        Wish::RevealSecrets(wish) => wish.secrets.permissions(),
    };
    acting(&view.state, command.cause.actor, command.cause.on_behalf_of, permissions).map(drop)
}

/// Whether the token by which a client application asks is still one of its, for that user: it may have ended since the request
/// came. Without one it asks for nobody; who it is then, the wish proves.
fn bearer_stands(state: &State<'_>, cause: &Cause) -> Result<(), Refusal> {
    let stands = match (cause.actor, cause.bearer) {
        (Actor::ClientApplication(client), Some(key)) => standing_access(state, key)
            .is_some_and(|token| token.client == client && token.user == cause.on_behalf_of),
        (Actor::ClientApplication(_), None) => cause.on_behalf_of.is_none(),
        (Actor::User(_) | Actor::System | Actor::Operator, key) => key.is_none(),
    };
    if stands { Ok(()) } else { Err(Refusal::ActorGone) }
}

/// Whom the rules are asked about: the actor, or the user he acts for, holding `permissions` (all of them, or 12). For a client
/// application that is the user of its token, with what he holds now.
///
/// Refuses, in the order of hdp-api 9.4: an actor that is gone or inactive; a missing permission, whatever the target; a
/// target that he may not act for, which answers as one that does not exist.
pub fn acting(
    state: &State<'_>,
    actor: Actor,
    on_behalf_of: Option<UserId>,
    permissions: &[PermissionId],
) -> Result<Principal, Refusal> {
    let (user, target, through_client) = match (actor, on_behalf_of) {
        (Actor::User(user), target) => (user, target, false),
        (Actor::ClientApplication(_), Some(user)) => (user, None, true),
        (Actor::ClientApplication(_), None) | (Actor::System | Actor::Operator, _) => {
            return Err(Refusal::LacksPermission);
        }
    };
    let active = state.users.rows.get(&user).is_some_and(|row| row.status == UserStatus::Active);
    let mut principal = Principal::of_actor(state, user).filter(|_| active).ok_or(Refusal::ActorGone)?;
    principal.through_client = through_client;
    if !permissions.iter().all(|permission| principal.may(*permission)) {
        return Err(Refusal::LacksPermission);
    }
    let Some(target) = target else { return Ok(principal) };
    if !principal.may(permission::ON_BEHALF_OF) {
        return Err(Refusal::LacksPermission);
    }
    Principal::of(state, target)
        .and_then(|target| principal.on_behalf_of(&target))
        .ok_or(Refusal::NotFound(Object::User(target)))
}

/// What is said when a client application would send secrets elsewhere that it is not shown.
const NOT_BY_TOKEN: &str =
    "where secrets are sent is not changed by an access token: use user name and password";

/// Refuses when the object changed since the caller read it (`If-Match`); `None` asks for nothing.
fn unchanged_since(changed: Sequence, expected: Option<&[Sequence]>) -> Result<(), Refusal> {
    match expected {
        Some(sequences) if !sequences.contains(&changed) => Err(Refusal::PreconditionFailed),
        _ => Ok(()),
    }
}

/// The living key of an object can change between sealing and deciding; what was sealed under another is sealed again.
fn sealed_under<'a>(key: KeyId, values: impl IntoIterator<Item = &'a Sealed>) -> Result<(), Refusal> {
    values.into_iter().all(|value| value.key_id == key).then_some(()).ok_or(Refusal::Again)
}

#[cfg(test)]
mod tests;
