//! What is asked. Each case is sent in every version that has a place for it, in a fixed order, since one changes what the next one finds.

mod cluster;
mod configs;
mod controller;
mod data;
mod frames;
mod groups;
mod topics;

use anyhow::{Context, Result};
use moldau_protocol::Request;
use moldau_protocol::json::JsonMessage;
use serde_json::Value;

use crate::Answer;
use crate::answer::mask;
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
    topics::run(&mut run)?;
    configs::run(&mut run)?;
    data::run(&mut run)?;
    groups::run(&mut run)?;
    frames::run(&mut run)?;
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
            let case = format!("{}{} v{version}: {title}", self.place, R::KEY.name());
            let answer = match self.world.connection.exchange(&frame).with_context(|| case.clone())? {
                Exchange::Closed => Value::from("closed"),
                Exchange::Frame(content) => {
                    let answer = decode::<R>(version, &content).with_context(|| case.clone())?;
                    note(version, &answer, &mut self.world);
                    json::<R>(version, &content)?
                }
            };
            self.keep(case, &answer);
        }
        Ok(())
    }

    fn asks_brokers(&self) -> bool {
        self.place.is_empty()
    }

    fn keep(&mut self, case: String, answer: &Value) {
        let answer = mask(answer, &self.world);
        self.answers.push(Answer { case, answer });
    }
}
