//! DeleteTopics, by name and by id.

use std::collections::{BTreeMap, BTreeSet};

use moldau_protocol::messages::delete_topics_request::DeleteTopicState;
use moldau_protocol::messages::delete_topics_response::DeletableTopicResult;
use moldau_protocol::messages::{DeleteTopicsRequest, DeleteTopicsResponse, RemoveTopicRecord};
use moldau_types::{ErrorCode, Uuid};

use crate::create_topics::ANSWERED;
use crate::result::outcome;
use crate::{ApiError, Context, Controller, ControllerResult};

impl Controller {
    /// Handles DeleteTopics. Versions before 6 have `topic_names`, later ones `topics`.
    pub fn delete_topics(
        &mut self,
        cx: &mut Context<'_>,
        request: &DeleteTopicsRequest,
    ) -> ControllerResult<DeleteTopicsResponse> {
        let by_name = |name: &String| DeleteTopicState { name: Some(name.clone()), ..Default::default() };
        let asked: Vec<DeleteTopicState> =
            request.topics.iter().cloned().chain(request.topic_names.iter().map(by_name)).collect();
        let mut responses = Vec::with_capacity(asked.len());
        let (mut records, mut doomed, mut times_asked) = (Vec::new(), BTreeSet::new(), BTreeMap::new());
        asked
            .iter()
            .for_each(|topic| *times_asked.entry((&topic.name, topic.topic_id)).or_insert(0usize) += 1);
        for topic in &asked {
            let target = (&topic.name, topic.topic_id);
            let duplicate = times_asked.get(&target).is_some_and(|times| *times > 1);
            // Something named twice is answered once, with an error.
            if duplicate && times_asked.insert(target, ANSWERED) == Some(ANSWERED) {
                continue;
            }
            let (found, result) = match self.find_doomed(cx, topic, duplicate) {
                Ok(id) if doomed.contains(&id) => {
                    let message = "The provided topic name maps to an ID that was already supplied.";
                    (None, Err(ApiError::new(ErrorCode::InvalidRequest, message)))
                }
                Ok(id) => (Some(id), Ok(())),
                Err(error) => (None, Err(error)),
            };
            let (error_code, error_message) = outcome(&result);
            let mut response = DeletableTopicResult {
                name: topic.name.clone(),
                topic_id: topic.topic_id,
                error_code,
                error_message,
            };
            if let Some(topic) = found.and_then(|id| cx.image.topics.by_id(id)) {
                doomed.insert(topic.id);
                records.push(RemoveTopicRecord { topic_id: topic.id }.into());
                response.name = Some(topic.name.to_string());
                response.topic_id = topic.id;
            }
            responses.push(response);
        }
        ControllerResult::atomic(records, DeleteTopicsResponse { responses, ..Default::default() })
    }

    fn find_doomed(
        &self,
        cx: &Context<'_>,
        topic: &DeleteTopicState,
        duplicate: bool,
    ) -> Result<Uuid, ApiError> {
        let bad_request = |message: &str| Err(ApiError::new(ErrorCode::InvalidRequest, message));
        if !self.settings.delete_topic_enable {
            return Err(ErrorCode::TopicDeletionDisabled.into());
        }
        match &topic.name {
            None if topic.topic_id.is_zero() => bad_request("Neither topic name nor id were specified."),
            Some(_) if !topic.topic_id.is_zero() => {
                bad_request("You may not specify both topic name and topic id.")
            }
            Some(_) if duplicate => bad_request("Duplicate topic name."),
            None if duplicate => bad_request("Duplicate topic id."),
            Some(name) => {
                cx.image.topics.id_of(name).ok_or_else(|| ErrorCode::UnknownTopicOrPartition.into())
            }
            None => match cx.image.topics.by_id(topic.topic_id) {
                Some(topic) => Ok(topic.id),
                None => Err(ErrorCode::UnknownTopicId.into()),
            },
        }
    }
}
