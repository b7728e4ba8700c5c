//! Limits from wish to row: what is asked for, what the documents say of it (hdp-api 7.1, 9.4, 9.20, 9.27), and the comparison.

use authledger::commands::{
    self, Object, Refusal,
    limit::{ClearLimit, Level, SetLimit},
};
use events::{
    envelope::{Stream, StreamKind},
    id::{DataSourceId, LimitId, Sequence, TenantId, UserId},
    limit::{LimitCleared, LimitSet},
};
use projections::{State, limits::Limit};
use proptest::{option, prelude::*};

use crate::{
    compare::same,
    model::Model,
    requests::{Ask, if_match, sequences},
    rules::{Fact, Who, says, unchanged},
    steps::{Expected, Pick, Wish, expected, id, pick, rarely},
};

/// HDP's numbers, at which levels each may be set (1 the system's alone, 11 all but a data source's, 15 all), and its bounds,
/// where the pages give some.
const LIMITS: [(u16, u8, u64, u64); 9] = [
    (1, 15, 1, 9_000_000_000_000_000_000),
    (2, 1, 1, 1_000_000_000),
    (3, 1, 0, 1_000_000),
    (4, 1, 1, 221_000_000_000),
    (5, 1, 0, 2),
    (8, 1, 1, 1440),
    (21, 15, 0, 1),
    (24, 11, 0, UNKNOWN),
    (25, 11, 0, UNKNOWN),
];
const UNKNOWN: u64 = 0;

/// A value of a limit at a level.
#[derive(Clone)]
pub(crate) struct Own {
    pub(crate) stream: Stream,
    pub(crate) limit: u16,
    pub(crate) value: u64,
    pub(crate) changed: u64,
}

/// Numbers are for [`crate::steps::id_of`].
#[derive(Clone, Debug)]
pub(crate) enum LimitWish {
    Set {
        level: LevelWish,
        limit: u8,
        value: Value,
        /// Whether it says rightly that there is one, or none.
        wrong: bool,
        expected: Expected,
    },
    Clear {
        level: LevelWish,
        limit: u8,
        expected: Expected,
    },
}

#[derive(Clone, Debug)]
pub(crate) enum LevelWish {
    System,
    Tenant(u8),
    User(u8),
    /// Its owner's, or another's.
    Source(Pick, Option<u8>),
    /// Where there is one, whatever the limit is said to be.
    There(u8),
}

#[derive(Clone, Debug)]
pub(crate) enum Value {
    Least,
    Most,
    TooLittle,
    TooMuch,
}

pub(crate) fn limits() -> BoxedStrategy<Wish> {
    let level = || {
        prop_oneof![
            2 => Just(LevelWish::System),
            2 => id().prop_map(LevelWish::Tenant),
            2 => id().prop_map(LevelWish::User),
            4 => id().prop_map(LevelWish::There),
            2 => (pick(), option::weighted(0.1, id())).prop_map(|(source, user)| LevelWish::Source(source, user)),
        ]
    };
    let limit = || prop_oneof![1 => Just(7_u8), 6 => Just(1), 6 => Just(21), 2 => Just(24), 3 => (0..9_usize).prop_map(number)];
    let value = prop_oneof![8 => Just(Value::Least), 8 => Just(Value::Most), 1 => Just(Value::TooLittle), 1 => Just(Value::TooMuch)];
    let sets =
        (level(), limit(), value, rarely(), expected()).prop_map(|(level, limit, value, wrong, expected)| {
            LimitWish::Set { level, limit, value, wrong, expected }
        });
    let clears = (level(), limit(), expected()).prop_map(|(level, limit, expected)| LimitWish::Clear {
        level,
        limit,
        expected,
    });
    prop_oneof![3 => sets, 2 => clears].prop_map(Wish::Limit).boxed()
}

fn number(place: usize) -> u8 {
    u8::try_from(LIMITS[place].0).expect("small")
}

/// For how long access tokens live: a minute, or a day.
pub(crate) fn minutes_of_tokens() -> BoxedStrategy<Wish> {
    let value = prop_oneof![Just(Value::Least), Just(Value::Most)];
    let set = |value| LimitWish::Set {
        level: LevelWish::System,
        limit: 8,
        value,
        wrong: false,
        expected: Expected::Nothing,
    };
    value.prop_map(set).prop_map(Wish::Limit).boxed()
}

/// One set and cleared, and others for what will be gone.
pub(crate) fn tour() -> Vec<Wish> {
    let set = |level| LimitWish::Set {
        level,
        limit: 1,
        value: Value::Least,
        wrong: false,
        expected: Expected::Nothing,
    };
    let clear = LimitWish::Clear { level: LevelWish::System, limit: 1, expected: Expected::Nothing };
    let all = [LevelWish::System, LevelWish::Tenant(4), LevelWish::User(5)].map(set);
    all.into_iter().chain([clear]).map(Wish::Limit).collect()
}

/// What the edge does with it for `whom`, who asks.
pub(crate) fn edge(model: &Model, whom: Option<u64>, wish: &LimitWish) -> (Ask, commands::Wish) {
    let place_of = |level: &LevelWish, limit: u8| match level {
        LevelWish::There(number) if !model.limits.is_empty() => {
            let own = &model.limits[usize::from(*number) % model.limits.len()];
            (model.level_of(own.stream), own.limit)
        }
        level => (level_of(model, whom, level), u16::from(limit)),
    };
    let wish = match wish {
        LimitWish::Set { level, limit, value, wrong, expected } => {
            let (level, limit) = place_of(level, *limit);
            let own = model.limit_at(level, limit);
            let (_, _, least, most) = row(limit).copied().unwrap_or((limit, 15, 0, 1));
            let value = match value {
                Value::Least => least,
                Value::Most => most,
                Value::TooLittle => least.saturating_sub(1),
                Value::TooMuch if most == UNKNOWN => least,
                Value::TooMuch => most + 1,
            };
            let expected = if_match(own.map(|own| own.changed), expected);
            commands::Wish::SetLimit(SetLimit {
                level,
                limit: LimitId(limit),
                value,
                new: own.is_none() != *wrong,
                expected: sequences(expected.as_ref()),
            })
        }
        LimitWish::Clear { level, limit, expected } => {
            let (level, limit) = place_of(level, *limit);
            let expected = if_match(model.limit_at(level, limit).map(|own| own.changed), expected);
            let expected = sequences(expected.as_ref());
            commands::Wish::ClearLimit(ClearLimit { level, limit: LimitId(limit), expected })
        }
    };
    (Ask::Other(wish.clone()), wish)
}

fn level_of(model: &Model, whom: Option<u64>, level: &LevelWish) -> Level {
    match level {
        LevelWish::System | LevelWish::There(_) => Level::System,
        LevelWish::Tenant(number) => Level::Tenant(TenantId(model.a_tenant(*number))),
        LevelWish::User(number) => Level::User(UserId(model.a_user(*number))),
        LevelWish::Source(pick, other) => {
            let own = model.sources.iter().filter(|row| Some(row.owner) == whom).map(|row| row.id);
            let source = pick.of(&own.collect::<Vec<_>>(), model.sources_ever);
            let owner = model.source(source).map_or(1, |row| row.owner);
            let user = other.map_or(owner, |number| model.a_user(number));
            Level::DataSource(UserId(user), DataSourceId(source))
        }
    }
}

fn row(limit: u16) -> Option<&'static (u16, u8, u64, u64)> {
    LIMITS.iter().find(|(id, _, _, _)| *id == limit)
}

fn stream(level: Level) -> Stream {
    match level {
        Level::System => Stream::new(StreamKind::LEDGER, 0),
        Level::Tenant(id) => Stream::new(StreamKind::TENANT, id.0),
        Level::User(id) => Stream::new(StreamKind::USER, id.0),
        Level::DataSource(_, id) => Stream::new(StreamKind::DATA_SOURCE, id.0),
    }
}

impl Model {
    fn limit_at(&self, level: Level, limit: u16) -> Option<&Own> {
        self.limits.iter().find(|own| own.stream == stream(level) && own.limit == limit)
    }

    fn level_of(&self, stream: Stream) -> Level {
        match stream.kind {
            StreamKind::TENANT => Level::Tenant(TenantId(stream.id)),
            StreamKind::USER => Level::User(UserId(stream.id)),
            StreamKind::DATA_SOURCE => {
                let owner = self.source(stream.id).map_or(1, |row| row.owner);
                Level::DataSource(UserId(owner), DataSourceId(stream.id))
            }
            _ => Level::System,
        }
    }

    /// In whose tenant that is, for who administers it; that there is a system everybody knows.
    fn level(&self, who: &Who, level: Level) -> Result<u64, Refusal> {
        match level {
            Level::System if who.administers(1) => Ok(1),
            Level::System => Err(Refusal::LacksPermission),
            Level::Tenant(id) => {
                let row = self.tenant(id.0).filter(|row| who.administers(row.id));
                row.map(|row| row.id).ok_or(Refusal::NotFound(Object::Tenant(id)))
            }
            Level::User(id) => self.user_seen(who, id.0).map(|row| row.tenant),
            Level::DataSource(user, id) => {
                let owner = self.user_seen(who, user.0)?;
                let row = self.source(id.0).filter(|row| row.owner == owner.id);
                row.map(|row| row.tenant).ok_or(Refusal::NotHisDataSource(id, user))
            }
        }
    }

    /// Whether the limit can be set there, and its bounds.
    fn kind(level: Level, limit: LimitId) -> Result<(u64, u64), Refusal> {
        let least = match level {
            Level::System => 1,
            Level::Tenant(_) | Level::User(_) => 11,
            Level::DataSource(..) => 15,
        };
        let kind = row(limit.0).filter(|(_, levels, _, _)| *levels >= least);
        let (_, _, least, most) = kind.ok_or(Refusal::NotFound(Object::Limit(limit)))?;
        Ok((*least, if *most == UNKNOWN { u64::MAX } else { *most }))
    }

    pub(crate) fn set_limit(&self, who: &Who, wish: &SetLimit) -> Result<Vec<Fact>, Refusal> {
        let tenant = self.level(who, wish.level)?;
        let (min, max) = Self::kind(wish.level, wish.limit)?;
        match (self.limit_at(wish.level, wish.limit.0), wish.new) {
            (Some(_), true) => return Err(Refusal::SetAlready("limit")),
            (None, false) => return Err(Refusal::NotSet("limit")),
            (Some(own), false) => unchanged(own.changed, wish.expected.as_ref())?,
            (None, true) => {}
        }
        if !(min..=max).contains(&wish.value) {
            return Err(Refusal::LimitOutOfRange { min, max });
        }
        let stream = stream(wish.level);
        Ok(vec![says(tenant, stream.kind, stream.id, LimitSet { limit: wish.limit, value: wish.value })])
    }

    pub(crate) fn clear_limit(&self, who: &Who, wish: &ClearLimit) -> Result<Vec<Fact>, Refusal> {
        let tenant = self.level(who, wish.level)?;
        Self::kind(wish.level, wish.limit)?;
        let own = self.limit_at(wish.level, wish.limit.0).ok_or(Refusal::NotSet("limit"))?;
        unchanged(own.changed, wish.expected.as_ref())?;
        let stream = stream(wish.level);
        Ok(vec![says(tenant, stream.kind, stream.id, LimitCleared { limit: wish.limit })])
    }

    /// What is gone has no limits.
    pub(crate) fn without_limits(&mut self, kind: StreamKind, id: u64) {
        self.limits.retain(|own| own.stream != Stream::new(kind, id));
    }

    /// What a limit's event says.
    pub(crate) fn limit_is(&mut self, stream: Stream, limit: LimitId, value: Option<u64>, changed: u64) {
        self.limits.retain(|own| own.stream != stream || own.limit != limit.0);
        self.limits.extend(value.map(|value| Own { stream, limit: limit.0, value, changed }));
    }
}

pub(crate) fn compare(model: &Model, state: &State<'_>) -> Result<(), String> {
    same!(state.limits.rows.all().count(), model.limits.len(), "number of limits");
    for own in &model.limits {
        let actual = state.limits.rows.get(&(own.stream, LimitId(own.limit)));
        let expected = Limit { value: own.value, changed: Sequence(own.changed) };
        same!(actual.copied(), Some(expected), "limit {} of {}", own.limit, own.stream);
    }
    for kind in [StreamKind::TENANT, StreamKind::USER, StreamKind::DATA_SOURCE] {
        for after in 0..4 {
            let behind = |own: &&Own| own.stream.kind == kind && own.stream.id > after;
            let next = model.limits.iter().filter(behind).map(|own| own.stream).min();
            same!(state.limits.next_level(kind, after), next, "first {kind} behind {after} with a limit");
        }
    }
    Ok(())
}
