//! Configurations and the password policy: who may set them, and to what.

use events::{
    envelope::{Stream, StreamKind},
    event::Event,
    id::{ConfigurationId, SYSTEM_TENANT, Sequence, UserId},
    setting::{ConfigurationSet, PasswordPolicySet},
    tenant::TenantAdministratorsChanged,
};

use super::{SYSTEM, World, sealed};
use crate::{
    auth::{
        password::{CustomRules, PasswordRules},
        whitelist::FILTERING,
    },
    commands::{
        Object, Refusal, Wish,
        configuration_table::SECURE_CHANGE_PASSWORD,
        ledger::LEDGER_STREAM,
        setting::{SetConfiguration, SetPasswordPolicy, configuration, is_on},
    },
    config::PasswordPolicy,
};

/// Holds 22 and administers the system tenant.
const CONFIGURER: u64 = 20;
/// Holds 22.
const WITHOUT_ACCESS: u64 = 21;

fn world() -> World {
    let mut world = World::new();
    world.people(&[(CONFIGURER, SYSTEM, &[22]), (WITHOUT_ACCESS, SYSTEM, &[22])]);
    let added = [UserId(CONFIGURER)].into_iter().collect();
    let change = TenantAdministratorsChanged { added, removed: [].into_iter().collect() };
    world.record(SYSTEM, Stream::new(StreamKind::TENANT, SYSTEM_TENANT.0), change.into());
    world
}

pub(super) fn configure(id: u16, value: Option<&str>) -> Wish {
    let (id, value) = (ConfigurationId(id), value.map(str::to_owned));
    Wish::SetConfiguration(Box::new(SetConfiguration { id, value, expected: None }))
}

pub(super) fn policy(change: impl FnOnce(&mut PasswordPolicySet)) -> Wish {
    let mut policy = PasswordPolicySet {
        name: "Ours".to_owned(),
        description: Some(sealed(0)),
        length_min: 10,
        length_max: 64,
        special_min: 0,
        lower_min: 1,
        upper_min: 1,
        digits_min: 2,
        expiration_days: Some(30),
    };
    change(&mut policy);
    Wish::SetPasswordPolicy(Box::new(SetPasswordPolicy { policy, expected: None }))
}

#[test]
fn who_may_configure() {
    let world = world();
    for (actor, allowed) in [(1, true), (CONFIGURER, true), (WITHOUT_ACCESS, false), (2, false), (8, false)] {
        let decided = world.when(actor, configure(2, Some("false")));
        assert_eq!(decided.is_ok(), allowed, "user {actor}");
        if !allowed {
            assert_eq!(decided.err(), Some(Refusal::LacksPermission), "user {actor}");
        }
    }
    let no = |id| Some(Refusal::NotFound(Object::Configuration(ConfigurationId(id))));
    assert_eq!(world.when(1, configure(9, None)).err(), no(9));
    assert_eq!(world.when(1, configure(0, None)).err(), no(0));
}

#[test]
fn a_configuration_says_what_was_set_and_null_puts_the_default_back() {
    let mut world = world();
    assert!(is_on(&world.view.state, SECURE_CHANGE_PASSWORD) && is_on(&world.view.state, FILTERING));
    assert_eq!(configuration(&world.view.state, ConfigurationId(1)), (None, Sequence(0)));
    let decision = world.then(CONFIGURER, configure(2, Some("false")));
    let set = ConfigurationSet { configuration: SECURE_CHANGE_PASSWORD, value: Some("false".to_owned()) };
    assert_eq!((decision.facts[0].tenant, decision.facts[0].stream), (SYSTEM, LEDGER_STREAM));
    assert_eq!(decision.facts[0].event, Event::from(set));
    assert!(!is_on(&world.view.state, SECURE_CHANGE_PASSWORD));
    world.then(CONFIGURER, configure(2, None));
    assert!(is_on(&world.view.state, SECURE_CHANGE_PASSWORD));
    let refused = world.when(CONFIGURER, configure(2, Some("yes"))).err();
    assert!(matches!(refused, Some(Refusal::Invalid { field: "value", .. })), "{refused:?}");
}

#[test]
fn a_setting_is_replaced_as_it_was_read() {
    let mut world = world();
    let put = |value: &str, expected: u64| {
        let (id, value) = (ConfigurationId(7), Some(value.to_owned()));
        let expected = Some(vec![Sequence(expected)]);
        Wish::SetConfiguration(Box::new(SetConfiguration { id, value, expected }))
    };
    assert_eq!(world.when(1, put("0", 5)).err(), Some(Refusal::PreconditionFailed));
    // What was never set is as it was when the ledger was made.
    world.then(1, put("0", 0));
    assert_eq!(world.when(1, put("1", 0)).err(), Some(Refusal::PreconditionFailed));
    let changed = configuration(&world.view.state, ConfigurationId(7)).1;
    assert!(world.when(1, put("1", changed.0)).is_ok());
}

#[test]
fn the_password_policy_is_an_administrators_and_within_bounds() {
    let world = world();
    for actor in [CONFIGURER, 2, 8] {
        assert_eq!(world.when(actor, policy(|_| {})).err(), Some(Refusal::LacksPermission), "user {actor}");
    }
    let field = |change: fn(&mut PasswordPolicySet)| match world.when(1, policy(change)) {
        Ok(_) => "",
        Err(Refusal::Invalid { field, .. }) => field,
        Err(other) => panic!("{other:?}"),
    };
    assert_eq!(field(|_| {}), "");
    assert_eq!(field(|policy| policy.length_min = 7), "rules");
    assert_eq!(field(|policy| policy.length_max = 129), "rules");
    assert_eq!(field(|policy| (policy.length_min, policy.length_max) = (20, 19)), "rules");
    assert_eq!(field(|policy| (policy.length_min, policy.length_max) = (8, 8)), "");
    assert_eq!(field(|policy| policy.special_min = 61), "rules");
    assert_eq!(field(|policy| policy.special_min = 60), "");
    assert_eq!(field(|policy| policy.digits_min = u32::MAX), "rules");
    assert_eq!(field(|policy| policy.expiration_days = Some(0)), "expirationDays");
    assert_eq!(field(|policy| policy.expiration_days = Some(3651)), "expirationDays");
    assert_eq!(field(|policy| policy.expiration_days = None), "");
    let other_key = world.when(1, policy(|policy| policy.description = Some(sealed(9))));
    assert_eq!(other_key.err(), Some(Refusal::Again));
}

#[test]
fn configuration_6_chooses_the_rules_for_passwords() {
    let mut world = world();
    let rules = |world: &World, policy| PasswordRules::of(&world.view.state, policy);
    assert_eq!(rules(&world, PasswordPolicy::Default), PasswordRules::Default);
    assert_eq!(rules(&world, PasswordPolicy::Hdp), PasswordRules::Hdp);
    world.then(1, configure(6, Some("2")));
    assert_eq!(rules(&world, PasswordPolicy::Default), PasswordRules::Custom(CustomRules::FIRST));
    world.then(1, policy(|_| {}));
    let custom = CustomRules {
        length: (10, 64),
        special_min: 0,
        lower_min: 1,
        upper_min: 1,
        digits_min: 2,
        expiration_days: Some(30),
    };
    assert_eq!(rules(&world, PasswordPolicy::Hdp), PasswordRules::Custom(custom));
    world.then(1, configure(6, Some("-1")));
    assert_eq!(rules(&world, PasswordPolicy::Hdp), PasswordRules::Off);
    world.then(1, configure(6, None));
    assert_eq!(rules(&world, PasswordPolicy::Hdp), PasswordRules::Hdp);
}
