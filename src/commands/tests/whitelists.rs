use events::{
    event::Event,
    id::{CorsOriginId, Sequence, UserId},
    setting::{CorsOriginRemoved, CorsOriginSet},
    sorted::SortedVec,
    whitelist::{AddressRange, IpWhitelistSet, UserIpWhitelistSet},
};

use super::{A, B, SYSTEM, World, sealed};
use crate::{
    auth::origin::TrustedOrigin,
    commands::{
        Object, Refusal, Taken, Wish,
        cors::{AddCorsOrigins, ENTRIES_MAX, Entry, RemoveCorsOrigin, UpdateCorsOrigin},
        setting::SetConfiguration,
        tenant::SetTenantAdministrators,
        whitelist::{Change, Level, SetIpWhitelist, SetUserIpWhitelist},
    },
};

/// Beside the small world: 20 in the system tenant and 21 in A hold 11 and 29 and administer A; 22 in A holds 11 and 29 and
/// acts for others there; 23 in the system tenant holds 23; 24 does so and administers it.
fn world() -> World {
    let mut world = World::new();
    world.people(&[
        (20, SYSTEM, &[11, 29]),
        (21, A, &[11, 29]),
        (22, A, &[7, 11, 21, 29]),
        (23, SYSTEM, &[23]),
        (24, SYSTEM, &[23]),
    ]);
    for (tenant, administrators) in [(A, vec![20, 21, 22]), (SYSTEM, vec![1, 24])] {
        let administrators: SortedVec<UserId> = administrators.into_iter().map(UserId).collect();
        world.then(
            1,
            Wish::SetTenantAdministrators(SetTenantAdministrators {
                id: tenant,
                expected: None,
                administrators,
            }),
        );
    }
    world
}

fn lists() -> IpWhitelistSet {
    let address = "192.0.2.1".parse().expect("an address");
    let range = AddressRange::new(address, address).expect("in order");
    IpWhitelistSet { admin_api: [range].into_iter().collect(), ..IpWhitelistSet::default() }
}

fn of_level(level: Level, change: Change<IpWhitelistSet>) -> SetIpWhitelist {
    SetIpWhitelist { level, expected: None, change, lets_sender_in: true }
}

fn set(level: Level) -> Wish {
    Wish::SetIpWhitelist(Box::new(of_level(level, Change::Replaced(lists()))))
}

fn shutting_out(level: Level) -> Wish {
    let wish = of_level(level, Change::Replaced(lists()));
    Wish::SetIpWhitelist(Box::new(SetIpWhitelist { lets_sender_in: false, ..wish }))
}

fn of_user(change: Change<Option<events::sealed::Sealed>>) -> Wish {
    Wish::SetUserIpWhitelist(Box::new(SetUserIpWhitelist { expected: None, change, lets_sender_in: true }))
}

#[test]
fn the_systems_lists_take_12_and_a_tenants_11_and_29_with_access() {
    let world = world();
    let (of_a, of_b, of_none) = (Level::Tenant(A), Level::Tenant(B), Level::Tenant(events::id::TenantId(9)));
    let not_found = |level| match level {
        Level::Tenant(tenant) => Err(Refusal::NotFound(Object::Tenant(tenant))),
        Level::System => unreachable!("it is always there"),
    };
    for (actor, level, expected) in [
        (1, Level::System, Ok(())),
        (1, of_a, Ok(())),
        (1, of_none, not_found(of_none)),
        (20, Level::System, Err(Refusal::LacksPermission)),
        (20, of_a, Ok(())),
        (20, of_b, not_found(of_b)),
        (20, of_none, not_found(of_none)),
        (20, Level::Tenant(SYSTEM), not_found(Level::Tenant(SYSTEM))),
        (21, of_a, Ok(())),
        (21, of_b, not_found(of_b)),
        (8, of_a, Err(Refusal::LacksPermission)),
        (8, of_none, Err(Refusal::LacksPermission)),
        (7, of_a, Err(Refusal::LacksPermission)),
    ] {
        let decided = world.when(actor, set(level));
        assert_eq!(decided.as_ref().map(drop), expected.as_ref().map(drop), "{actor} {level:?}");
        if let Ok(decision) = decided {
            let [fact] = &decision.facts[..] else { panic!("one fact") };
            let tenant = if let Level::Tenant(tenant) = level { tenant } else { SYSTEM };
            assert_eq!((fact.tenant, fact.stream), (tenant, level.stream()));
            assert_eq!(fact.event, Event::from(lists()));
        }
    }
}

#[test]
fn lists_are_new_once_and_taken_away_only_where_they_are() {
    let mut world = world();
    let wish = |change| Wish::SetIpWhitelist(Box::new(of_level(Level::Tenant(A), change)));
    let since = |sequence, change| {
        let wish = of_level(Level::Tenant(A), change);
        Wish::SetIpWhitelist(Box::new(SetIpWhitelist { expected: Some(vec![Sequence(sequence)]), ..wish }))
    };
    let what = "IP address whitelist";
    assert_eq!(world.when(20, wish(Change::Cleared)), Err(Refusal::NotSet(what)));
    assert_eq!(world.when(20, since(7, Change::Replaced(lists()))), Err(Refusal::PreconditionFailed));
    world.then(20, since(0, Change::Replaced(lists())));
    let changed = world.sequence - 1;
    assert_eq!(world.when(20, wish(Change::New(lists()))), Err(Refusal::SetAlready(what)));
    assert_eq!(world.when(20, since(0, Change::Cleared)), Err(Refusal::PreconditionFailed));
    let decision = world.then(20, since(changed, Change::Cleared));
    assert_eq!(decision.facts[0].event, Event::from(IpWhitelistSet::default()));
    world.then(20, wish(Change::New(lists())));
    // Replaced by nothing, there are none.
    world.then(20, wish(Change::Replaced(IpWhitelistSet::default())));
    assert_eq!(world.when(20, wish(Change::Cleared)), Err(Refusal::NotSet(what)));
}

/// Those who may do everything live there, and could be shut out.
#[test]
fn lists_of_the_system_tenant_need_12() {
    let mut world = world();
    let change = events::tenant::TenantAdministratorsChanged {
        added: [UserId(20)].into_iter().collect(),
        removed: [].into_iter().collect(),
    };
    let system = events::id::SYSTEM_TENANT;
    let stream = events::envelope::Stream::new(events::envelope::StreamKind::TENANT, system.0);
    world.record(system, stream, change.into());
    let wish = || Wish::SetIpWhitelist(Box::new(of_level(Level::Tenant(system), Change::New(lists()))));
    assert_eq!(world.when(20, wish()), Err(Refusal::Forbidden));
    assert!(world.when(1, wish()).is_ok());
}

#[test]
fn who_lives_there_does_not_shut_himself_out_unless_nothing_is_filtered() {
    let mut world = world();
    assert_eq!(world.when(1, shutting_out(Level::System)), Err(Refusal::ShutsOut));
    assert_eq!(world.when(21, shutting_out(Level::Tenant(A))), Err(Refusal::ShutsOut));
    assert!(world.when(20, shutting_out(Level::Tenant(A))).is_ok(), "he lives elsewhere");
    let own = |user: u8| {
        let change = Change::New(Some(sealed(user)));
        Wish::SetUserIpWhitelist(Box::new(SetUserIpWhitelist {
            expected: None,
            change,
            lets_sender_in: false,
        }))
    };
    assert_eq!(world.when(21, own(0)), Err(Refusal::ShutsOut));
    assert!(world.when_for(1, Some(21), own(0)).is_ok(), "they are another's");
    // A way around that was to name oneself.
    assert_eq!(world.when_for(22, Some(22), own(0)), Err(Refusal::ShutsOut));
    let off = SetConfiguration {
        id: crate::auth::whitelist::FILTERING,
        value: Some("false".to_owned()),
        expected: None,
    };
    world.then(1, Wish::SetConfiguration(Box::new(off)));
    for (actor, wish) in
        [(1, shutting_out(Level::System)), (21, shutting_out(Level::Tenant(A))), (21, own(0))]
    {
        assert!(world.when(actor, wish).is_ok(), "{actor}");
    }
}

#[test]
fn a_users_lists_are_his_and_of_who_may_act_for_him_and_holds_as_much() {
    let mut world = world();
    let new = || of_user(Change::New(Some(sealed(0))));
    assert_eq!(world.when(6, new()), Err(Refusal::LacksPermission));
    assert_eq!(world.when(21, of_user(Change::New(Some(sealed(1))))), Err(Refusal::Again), "another key");
    assert!(world.when_for(22, Some(6), new()).is_ok());
    assert_eq!(world.when_for(22, Some(5), new()), Err(Refusal::Forbidden), "5 holds 28");
    assert_eq!(world.when_for(22, Some(9), new()), Err(Refusal::NotFound(Object::User(UserId(9)))));
    assert_eq!(world.when_for(21, Some(6), new()), Err(Refusal::LacksPermission), "without 21");
    let decision = world.then(21, new());
    assert_eq!(decision.facts[0].event, Event::from(UserIpWhitelistSet { lists: Some(sealed(0)) }));
    assert_eq!(decision.facts[0].tenant, A);
    let of_a: Vec<UserId> = world.view.state.ip_whitelists.users_of_tenant(A, UserId(0)).collect();
    assert_eq!(of_a, [UserId(21)]);
    let decision = world.then(21, of_user(Change::Cleared));
    assert_eq!(decision.facts[0].event, Event::from(UserIpWhitelistSet { lists: None }));
    assert_eq!(world.view.state.ip_whitelists.users_of_tenant(A, UserId(0)).count(), 0);
}

fn entry(domain: &str) -> Entry {
    Entry { domain: TrustedOrigin::parse(domain).expect("a good one"), description: None }
}

fn add(domains: &[&str]) -> Wish {
    let entries = domains.iter().map(|domain| entry(domain)).collect();
    Wish::AddCorsOrigins(Box::new(AddCorsOrigins { entries }))
}

fn update(id: u64, domain: &str, expected: Option<u64>) -> Wish {
    let expected = expected.map(|sequence| vec![Sequence(sequence)]);
    Wish::UpdateCorsOrigin(Box::new(UpdateCorsOrigin {
        id: CorsOriginId(id),
        expected,
        entry: entry(domain),
    }))
}

fn remove(id: u64) -> Wish {
    Wish::RemoveCorsOrigin(RemoveCorsOrigin { id: CorsOriginId(id), expected: None })
}

#[test]
fn trusted_origins_take_23_and_access_on_the_system_tenant() {
    let mut world = world();
    world.then(1, add(&["https://one.example"]));
    for wish in [add(&["https://two.example"]), update(1, "https://x.example", None), remove(1), remove(9)] {
        assert_eq!(world.when(20, wish.clone()), Err(Refusal::LacksPermission));
        assert_eq!(world.when(23, wish.clone()), Err(Refusal::Forbidden), "whatever the entry");
        let allowed = world.when(24, wish.clone());
        assert_eq!(allowed, world.when(1, wish), "12 and 23 with access are the same");
    }
    let not_there = Err(Refusal::NotFound(Object::CorsOrigin(CorsOriginId(9))));
    assert_eq!(world.when(24, remove(9)), not_there);
    assert_eq!(world.when(24, update(9, "https://x.example", None)), not_there);
}

#[test]
fn entries_are_unique_and_places_are_given_once() {
    let mut world = world();
    let decision = world.then(24, add(&["https://one.example", "https://*.one.example"]));
    let set = |id, domain: &str| {
        Event::from(CorsOriginSet { id: CorsOriginId(id), domain: domain.to_owned(), description: None })
    };
    let events: Vec<Event> = decision.facts.into_iter().map(|fact| fact.event).collect();
    assert_eq!(events, [set(1, "https://one.example"), set(2, "https://*.one.example")]);
    let taken = Err(Refusal::Taken(Taken::CorsOrigin));
    for wish in [
        add(&["https://One.example:443"]),
        add(&["https://new.example", "https://NEW.example"]),
        update(1, "https://*.one.example", None),
    ] {
        assert_eq!(world.when(24, wish), taken);
    }
    assert_eq!(world.when(24, update(1, "https://one.example", Some(0))), Err(Refusal::PreconditionFailed));
    world.then(24, update(1, "https://one.example", Some(world.sequence - 2)));
    world.then(24, update(1, "https://moved.example", None));
    // What it was is free, and its place is its own.
    world.then(24, add(&["https://one.example"]));
    let decision = world.then(24, remove(3));
    assert_eq!(decision.facts[0].event, Event::from(CorsOriginRemoved { id: CorsOriginId(3) }));
    let decision = world.then(24, add(&["https://one.example"]));
    assert_eq!(decision.facts[0].event, set(4, "https://one.example"));
    let under = Entry { description: Some(sealed(9)), ..entry("https://sealed.example") };
    let wish = Wish::AddCorsOrigins(Box::new(AddCorsOrigins { entries: vec![under] }));
    assert_eq!(world.when(24, wish), Err(Refusal::Again), "another key than the system tenant's");
}

#[test]
fn the_list_of_origins_has_an_end() {
    let mut world = world();
    let names: Vec<String> = (0..ENTRIES_MAX).map(|number| format!("https://n{number}.example")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    world.then(24, add(&names));
    assert!(matches!(
        world.when(24, add(&["https://more.example"])),
        Err(Refusal::Invalid { field: "whitelist", .. })
    ));
    world.then(24, remove(1));
    world.then(24, add(&["https://more.example"]));
}
