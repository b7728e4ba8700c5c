//! Who may set what holds for the system, a tenant or a user (hdp-api 6.6, 7.2, 7.3, 9.4, 9.20, 9.25, 9.28), and what an event
//! about it does to the rows.

use authledger::commands::{
    Object, Refusal, Taken, Wish,
    cors::Entry,
    setting::{SetConfiguration, SetPasswordPolicy},
    whitelist::{Change, Level, SetIpWhitelist, SetUserIpWhitelist},
};
use events::{
    envelope::{Actor, StreamKind},
    event::Event,
    id::{CorsOriginId, Sequence},
    setting::{ConfigurationSet, CorsOriginRemoved, CorsOriginSet},
    time::Timestamp,
    whitelist::{IpWhitelistSet, UserIpWhitelistSet},
};

use crate::{
    model::{DAY_SECS, Model},
    requests::Request,
    rules::{Fact, Who, invalid, says, unchanged, under},
    settings::{Origin, stream},
};

const LISTS: &str = "IP address whitelist";

impl Model {
    pub(crate) fn set_something(
        &self,
        who: &Who,
        request: &Request,
        wish: &Wish,
    ) -> Result<Vec<Fact>, Refusal> {
        match wish {
            Wish::SetConfiguration(wish) => self.configure(who, wish),
            Wish::SetPasswordPolicy(wish) => self.set_policy(wish),
            Wish::AddCorsOrigins(wish) => {
                let of_the_system = who.administers(1).then_some(()).ok_or(Refusal::Forbidden);
                of_the_system?;
                let first = self.settings.list.map_or(0, |(last, _)| last) + 1;
                for (place, entry) in wish.entries.iter().enumerate() {
                    self.origin_is_free(entry, None)?;
                    if wish.entries[..place]
                        .iter()
                        .any(|other| other.domain.as_str() == entry.domain.as_str())
                    {
                        return Err(Refusal::Taken(Taken::CorsOrigin));
                    }
                }
                Ok((first..).zip(&wish.entries).map(|(id, entry)| origin(id, entry)).collect())
            }
            Wish::UpdateCorsOrigin(wish) => {
                let row = self.origin_to_change(who, wish.id)?;
                unchanged(row.changed, wish.expected.as_ref())?;
                self.origin_is_free(&wish.entry, Some(row.id))?;
                Ok(vec![origin(row.id, &wish.entry)])
            }
            Wish::RemoveCorsOrigin(wish) => {
                let row = self.origin_to_change(who, wish.id)?;
                unchanged(row.changed, wish.expected.as_ref())?;
                Ok(vec![says(1, StreamKind::LEDGER, 0, CorsOriginRemoved { id: wish.id })])
            }
            Wish::SetIpWhitelist(wish) => self.set_addresses(who, wish),
            Wish::SetUserIpWhitelist(wish) => self.set_own_addresses(who, request, wish),
            other => unreachable!("{other:?} is no setting"),
        }
    }

    fn configure(&self, who: &Who, wish: &SetConfiguration) -> Result<Vec<Fact>, Refusal> {
        if !who.administers(1) {
            return Err(Refusal::LacksPermission);
        }
        if !(1..=8).contains(&wish.id.0) {
            return Err(Refusal::NotFound(Object::Configuration(wish.id)));
        }
        let row = self.settings.configurations.iter().find(|(id, _, _)| *id == wish.id.0);
        unchanged(row.map_or(0, |(_, _, changed)| *changed), wish.expected.as_ref())?;
        let good = match (wish.id.0, wish.value.as_deref()) {
            (_, None) => true,
            (1, Some(text)) => !text.is_empty(),
            (2 | 5 | 8, Some(text)) => ["true", "false"].contains(&text),
            (4, Some(text)) => ["GUESS", "PLURALIZE"].contains(&text),
            (6, Some(text)) => ["1", "-1", "2"].contains(&text),
            (id, Some(text)) => panic!("nobody asks for {text} of {id}"),
        };
        if !good {
            return Err(invalid("value"));
        }
        let set = ConfigurationSet { configuration: wish.id, value: wish.value.clone() };
        Ok(vec![says(1, StreamKind::LEDGER, 0, set)])
    }

    fn set_policy(&self, wish: &SetPasswordPolicy) -> Result<Vec<Fact>, Refusal> {
        let changed = self.settings.policy.as_ref().map_or(0, |(_, changed)| *changed);
        unchanged(changed, wish.expected.as_ref())?;
        let policy = &wish.policy;
        if policy.length_min > policy.length_max {
            return Err(invalid("rules"));
        }
        if policy.expiration_days.is_some_and(|days| days == 0 || days > 3650) {
            return Err(invalid("expirationDays"));
        }
        under(self.tenants[0].key, &policy.description)?;
        Ok(vec![says(1, StreamKind::LEDGER, 0, policy.clone())])
    }

    fn is(&self, configuration: u16) -> Option<&str> {
        let row = self.settings.configurations.iter().find(|(id, _, _)| *id == configuration);
        row.and_then(|(_, value, _)| value.as_deref())
    }

    /// When a password ends that its holder chose; only the custom policy ends any, after 120 days where nothing else was
    /// said (hdp-api 6.6).
    pub(crate) fn end_by_policy(&self) -> Option<Timestamp> {
        if self.is(6) != Some("2") {
            return None;
        }
        let days = self.settings.policy.as_ref().map_or(Some(120), |(policy, _)| policy.expiration_days)?;
        Some(self.now.saturating_add_secs(i64::from(days) * DAY_SECS))
    }

    fn origin_to_change(&self, who: &Who, id: CorsOriginId) -> Result<&Origin, Refusal> {
        if !who.administers(1) {
            return Err(Refusal::Forbidden);
        }
        let row = self.settings.origins.iter().find(|row| row.id == id.0);
        row.ok_or(Refusal::NotFound(Object::CorsOrigin(id)))
    }

    fn origin_is_free(&self, entry: &Entry, own: Option<u64>) -> Result<(), Refusal> {
        under(self.tenants[0].key, &entry.description)?;
        let mut others = self.settings.origins.iter().filter(|row| Some(row.id) != own);
        if others.any(|row| row.domain == entry.domain.as_str()) {
            return Err(Refusal::Taken(Taken::CorsOrigin));
        }
        Ok(())
    }

    /// Nobody shuts himself out of where he would take it back, while the lists are asked.
    fn shuts_out(&self, concerns_him: bool, lets_in: bool) -> Result<(), Refusal> {
        let asked = self.is(8) != Some("false");
        if concerns_him && !lets_in && asked { Err(Refusal::ShutsOut) } else { Ok(()) }
    }

    fn set_addresses(&self, who: &Who, wish: &SetIpWhitelist) -> Result<Vec<Fact>, Refusal> {
        let (tenant, concerns_him) = match wish.level {
            Level::System => (1, true),
            Level::Tenant(id) => match self.tenant(id.0).filter(|row| who.administers(row.id)) {
                // Who may do everything lives there.
                Some(row) if row.id == 1 && !who.permissions.contains(&12) => return Err(Refusal::Forbidden),
                Some(row) => (row.id, who.tenant == row.id),
                None => return Err(Refusal::NotFound(Object::Tenant(id))),
            },
        };
        let stream = stream(wish.level);
        let row = self.settings.addresses.iter().find(|(of, _, _)| *of == stream);
        let changed = row.map(|(_, _, changed)| *changed);
        let lists = change(&wish.change, changed, wish.expected.as_ref())?.unwrap_or_default();
        self.shuts_out(concerns_him, wish.lets_sender_in)?;
        Ok(vec![says(tenant, stream.kind, stream.id, lists)])
    }

    fn set_own_addresses(
        &self,
        who: &Who,
        request: &Request,
        wish: &SetUserIpWhitelist,
    ) -> Result<Vec<Fact>, Refusal> {
        let row = self.user(who.user).expect("seen");
        self.reaches_no_further(who, row)?;
        let own = self.settings.of_users.iter().find(|(of, _, _)| *of == row.id);
        let changed = own.map(|(_, _, changed)| *changed);
        let lists = change(&wish.change, changed, wish.expected.as_ref())?.flatten();
        under(row.name.key_id, &lists)?;
        self.shuts_out(request.by == Actor::User(events::id::UserId(row.id)), wish.lets_sender_in)?;
        Ok(vec![says(row.tenant, StreamKind::USER, row.id, UserIpWhitelistSet { lists })])
    }

    /// What an event says of settings; `by` whom.
    pub(crate) fn setting_is(&mut self, by: Actor, fact: &Fact, event: &Event, sequence: u64) {
        let now = self.now;
        let settings = &mut self.settings;
        match event {
            Event::ConfigurationSet(set) => {
                settings.configurations.retain(|(id, _, _)| *id != set.configuration.0);
                settings.configurations.push((set.configuration.0, set.value.clone(), sequence));
            }
            Event::PasswordPolicySet(policy) => settings.policy = Some((policy.clone(), sequence)),
            Event::CorsOriginSet(set) => {
                settings.origins.retain(|row| row.id != set.id.0);
                let by = match by {
                    Actor::User(user) => Some(user.0),
                    Actor::Operator | Actor::System | Actor::ClientApplication(_) => None,
                };
                settings.origins.push(Origin {
                    id: set.id.0,
                    domain: set.domain.clone(),
                    description: set.description.clone(),
                    by,
                    at: now,
                    changed: sequence,
                });
                let last = settings.list.map_or(0, |(last, _)| last);
                settings.list = Some((last.max(set.id.0), now));
            }
            Event::CorsOriginRemoved(removed) => {
                settings.origins.retain(|row| row.id != removed.id.0);
                settings.list = settings.list.map(|(last, _)| (last, now));
            }
            Event::IpWhitelistSet(lists) => {
                settings.addresses.retain(|(of, _, _)| *of != fact.stream);
                if *lists != IpWhitelistSet::default() {
                    settings.addresses.push((fact.stream, lists.clone(), sequence));
                }
            }
            Event::UserIpWhitelistSet(set) => {
                settings.of_users.retain(|(of, _, _)| *of != fact.stream.id);
                settings.of_users.extend(set.lists.clone().map(|lists| (fact.stream.id, lists, sequence)));
            }
            other => panic!("the model never says {other:?}"),
        }
    }
}

/// What there will be in place of lists that last changed then.
fn change<Lists: Clone>(
    change: &Change<Lists>,
    changed: Option<u64>,
    expected: Option<&Vec<Sequence>>,
) -> Result<Option<Lists>, Refusal> {
    match (change, changed) {
        (Change::New(_), Some(_)) => return Err(Refusal::SetAlready(LISTS)),
        (Change::Cleared, None) => return Err(Refusal::NotSet(LISTS)),
        _ => unchanged(changed.unwrap_or(0), expected)?,
    }
    Ok(match change {
        Change::New(lists) | Change::Replaced(lists) => Some(lists.clone()),
        Change::Cleared => None,
    })
}

fn origin(id: u64, entry: &Entry) -> Fact {
    let set = CorsOriginSet {
        id: CorsOriginId(id),
        domain: entry.domain.as_str().to_owned(),
        description: entry.description.clone(),
    };
    says(1, StreamKind::LEDGER, 0, set)
}
