//! Settings of the whole system that are changed while it runs: configurations (hdp-api 7.2) and the custom password policy
//! (hdp-api 6.6).

use events::{
    id::{ConfigurationId, PermissionId, SYSTEM_TENANT, Sequence},
    setting::{ConfigurationSet, PasswordPolicySet},
};
use projections::State;

use super::{
    Cause, Decision, Fact, Object, Refusal, View, acting, configuration_table, ledger::LEDGER_STREAM,
    sealed_under, unchanged_since,
};
use crate::auth::{
    password::{CHARS_MAX, TEMPORARY_CHARS_MIN},
    permission,
    principal::Principal,
};

/// What every operation on configurations needs, beside administrative access on the system tenant.
pub const CONFIGURE: [PermissionId; 1] = [permission::CONFIGURATIONS];
/// What every operation on the password policy needs.
pub const POLICY: [PermissionId; 1] = [permission::ADMINISTRATOR];
/// Longest life that the policy can give a password, in days.
pub const EXPIRATION_DAYS_MAX: u32 = 3650;
/// What was never set has been as it is since the ledger was made.
pub const SINCE_EVER: Sequence = Sequence(0);

/// What a configuration says, and since which event.
pub fn configuration<'s>(state: &'s State<'_>, id: ConfigurationId) -> (Option<&'s str>, Sequence) {
    let default = configuration_table::by_id(id).and_then(|kind| kind.default);
    match state.settings.configurations.get(&id) {
        Some(row) => (row.value.as_deref().or(default), row.changed),
        None => (default, SINCE_EVER),
    }
}

/// Whether a configuration that is true or false says true.
pub fn is_on(state: &State<'_>, id: ConfigurationId) -> bool {
    configuration(state, id).0 == Some("true")
}

/// Refuses who does not administer the system tenant: configurations hold for everybody.
pub fn may_configure(principal: &Principal) -> Result<(), Refusal> {
    if principal.administers(SYSTEM_TENANT) { Ok(()) } else { Err(Refusal::LacksPermission) }
}

/// A configuration replaced.
#[derive(Clone, Debug)]
pub struct SetConfiguration {
    /// Which.
    pub id: ConfigurationId,
    /// `None` puts the default back.
    pub value: Option<String>,
    /// From `If-Match`.
    pub expected: Option<Vec<Sequence>>,
}

/// Records `ConfigurationSet`. Needs 12, or 22 and administrative access on the system tenant.
pub(super) fn configure(
    view: &View<'_>,
    cause: &Cause,
    wish: &SetConfiguration,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    may_configure(&acting(state, cause.actor, cause.on_behalf_of, &CONFIGURE)?)?;
    let kind =
        configuration_table::by_id(wish.id).ok_or(Refusal::NotFound(Object::Configuration(wish.id)))?;
    unchanged_since(configuration(state, wish.id).1, wish.expected.as_deref())?;
    if let Some(value) = &wish.value {
        kind.check(value).map_err(|problem| Refusal::invalid("value", problem))?;
    }
    let set = ConfigurationSet { configuration: wish.id, value: wish.value.clone() };
    Ok(Decision { facts: vec![Fact::new(SYSTEM_TENANT, LEDGER_STREAM, set)], ..Decision::default() })
}

/// The custom password policy replaced.
#[derive(Clone, Debug)]
pub struct SetPasswordPolicy {
    /// What it says; its description is under the system tenant's key.
    pub policy: PasswordPolicySet,
    /// From `If-Match`.
    pub expected: Option<Vec<Sequence>>,
}

/// Records `PasswordPolicySet`. Needs 12. Nothing of it makes a password shorter or longer than any may be.
pub(super) fn set_policy(
    view: &View<'_>,
    cause: &Cause,
    wish: &SetPasswordPolicy,
) -> Result<Decision, Refusal> {
    let state = &view.state;
    acting(state, cause.actor, cause.on_behalf_of, &POLICY)?;
    let before = state.settings.password_policy.get(&());
    unchanged_since(before.map_or(SINCE_EVER, |row| row.changed), wish.expected.as_deref())?;
    check_policy(&wish.policy)?;
    if let Some(tenant) = state.tenants.rows.get(&SYSTEM_TENANT) {
        sealed_under(tenant.key_id, &wish.policy.description)?;
    }
    let fact = Fact::new(SYSTEM_TENANT, LEDGER_STREAM, wish.policy.clone());
    Ok(Decision { facts: vec![fact], ..Decision::default() })
}

fn check_policy(policy: &PasswordPolicySet) -> Result<(), Refusal> {
    let (shortest, longest) = (TEMPORARY_CHARS_MIN, CHARS_MAX);
    let within = |chars: u32| usize::try_from(chars).is_ok_and(|chars| (shortest..=longest).contains(&chars));
    if !within(policy.length_min) || !within(policy.length_max) || policy.length_min > policy.length_max {
        let rule = format!(
            "use {shortest} to {longest} for minLength and maxLength, and no minLength above maxLength"
        );
        return Err(Refusal::invalid("rules", rule));
    }
    let asked = [policy.special_min, policy.lower_min, policy.upper_min, policy.digits_min];
    if asked.iter().map(|min| u64::from(*min)).sum::<u64>() > u64::from(policy.length_max) {
        return Err(Refusal::invalid(
            "rules",
            "the characters that minChars asks for must fit into maxLength",
        ));
    }
    if policy.expiration_days.is_some_and(|days| !(1..=EXPIRATION_DAYS_MAX).contains(&days)) {
        let rule = format!("use 1 to {EXPIRATION_DAYS_MAX} days, or 0 for never");
        return Err(Refusal::invalid("expirationDays", rule));
    }
    Ok(())
}
