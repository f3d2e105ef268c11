//! What is asked. Each case is sent in every version that has a place for it, in a fixed order, since one changes what the next one finds.

mod cluster;
mod configs;
mod controller;
mod data;
mod fetches;
mod frames;
mod groups;
mod members;
mod topics;

use anyhow::{Context, Result};
use moldau_protocol::Request;
use moldau_protocol::json::JsonMessage;
use serde_json::Value;

use crate::Answer;
use crate::answer::comparable;
use crate::connection::{Exchange, decode, frame, json};
use crate::world::World;

/// A run through all cases.
struct Run {
    world: World,
    /// What cases begin with: nothing for brokers.
    place: &'static str,
    answers: Vec<Answer>,
}

/// Runs all cases against a fresh server, last those of its controller's listener.
pub(crate) fn run(address: &str, controller: &str) -> Result<Vec<Answer>> {
    let mut run = Run { world: World::new(address), place: "", answers: Vec::new() };
    cluster::run(&mut run)?;
    // Configs list the topics, so they come before those that come and go.
    configs::run(&mut run)?;
    topics::run(&mut run)?;
    data::run(&mut run)?;
    groups::run(&mut run)?;
    frames::run(&mut run)?;
    controller::prepare(&mut run)?;
    run.world.turn_to(controller);
    run.place = "controller: ";
    controller::run(&mut run)?;
    Ok(run.answers)
}

impl Run {
    /// Sends a request in every version that has a place for what is set in it.
    fn each<R: Request>(&mut self, title: &str, make: impl Fn(i16, &World) -> R) -> Result<()>
    where
        R::Response: JsonMessage,
    {
        self.each_noting(title, make, |_, _, _| {})
    }

    /// The same, and looks at each answer.
    fn each_noting<R: Request>(
        &mut self,
        title: &str,
        make: impl Fn(i16, &World) -> R,
        mut note: impl FnMut(i16, &R::Response, &mut World),
    ) -> Result<()>
    where
        R::Response: JsonMessage,
    {
        let versions = R::KEY.versions().context("an API without versions")?;
        for version in versions.min..=versions.max {
            let request = make(version, &self.world);
            // The version has no field for what is set.
            let Ok(frame) = frame(version, &request) else { continue };
            let case = format!("{} v{version}: {title}", R::KEY.name());
            let answer = match self.world.connection.exchange(&frame).with_context(|| case.clone())? {
                Exchange::Closed => Value::from("closed"),
                Exchange::Frame(content) => {
                    let answer = decode::<R>(version, &content).with_context(|| case.clone())?;
                    note(version, &answer, &mut self.world);
                    json::<R>(version, &content)?
                }
            };
            self.keep(R::KEY.name(), case, &answer);
        }
        Ok(())
    }

    /// Sends a request that has no answer in every version that has a place for it, and behind each on the same connection one that has an
    /// answer, which is kept.
    fn each_unanswered<R: Request, After: Request>(
        &mut self,
        title: &str,
        make: impl Fn(i16, &World) -> R,
        after: (i16, After),
    ) -> Result<()>
    where
        After::Response: JsonMessage,
    {
        let versions = R::KEY.versions().context("an API without versions")?;
        let (after_version, after) = after;
        let after = frame(after_version, &after)?;
        for version in versions.min..=versions.max {
            let request = make(version, &self.world);
            let Ok(frame) = frame(version, &request) else { continue };
            let case = format!("{} v{version}: {title}, then {}", R::KEY.name(), After::KEY.name());
            self.world.connection.send(&frame).with_context(|| case.clone())?;
            let answer = match self.world.connection.exchange(&after).with_context(|| case.clone())? {
                Exchange::Closed => Value::from("closed"),
                Exchange::Frame(content) => json::<After>(after_version, &content)?,
            };
            self.keep(After::KEY.name(), case, &answer);
        }
        Ok(())
    }

    /// Asks until that is so.
    fn wait_until(&mut self, what: &str, mut is_so: impl FnMut(&mut Self) -> Result<bool>) -> Result<()> {
        const TRIES_MAX: usize = 600;
        for _ in 0..TRIES_MAX {
            if is_so(self)? {
                return Ok(());
            }
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        anyhow::bail!("not for a minute: {what}")
    }

    fn asks_brokers(&self) -> bool {
        self.place.is_empty()
    }

    /// Keeps the answer to a request of the API of this name.
    fn keep(&mut self, api: &str, case: String, answer: &Value) {
        let answer = comparable(api, answer, &self.world);
        self.answers.push(Answer { case: format!("{}{case}", self.place), answer });
    }
}
