//! The controller: its settings and what it remembers outside the log.

use moldau_metadata::{MetadataImage, MetadataVersion};
use moldau_types::Offset;
use rand::RngCore;

use crate::ControllerSettings;
use crate::broker_liveness::BrokerLiveness;

/// What a decision is made on.
pub struct Context<'a> {
    /// The image with every record decided before.
    pub image: &'a MetadataImage,
    /// Offset that the next record will get; a new broker epoch is taken from it.
    pub next_offset: Offset,
    /// Time in milliseconds on a clock that never goes backwards.
    pub now_ms: i64,
    /// Finalized `kraft.version`; the quorum knows it.
    pub kraft_version: i16,
    /// Source of placements and new ids.
    pub rng: &'a mut dyn RngCore,
}

impl Context<'_> {
    pub(crate) fn version(&self) -> MetadataVersion {
        self.image.features.version()
    }
}

/// Makes the controller's decisions. One per active controller: its soft state starts anew with each leadership.
#[derive(Debug)]
pub struct Controller {
    pub(crate) settings: ControllerSettings,
    pub(crate) liveness: BrokerLiveness,
}

impl Controller {
    /// A controller that becomes active now. Brokers that are not fenced in the image have a whole session timeout to
    /// be heard of.
    pub fn new(settings: ControllerSettings, image: &MetadataImage, now_ms: i64) -> Controller {
        let mut liveness = BrokerLiveness::default();
        for broker in image.cluster.brokers().filter(|broker| !broker.fenced) {
            liveness.expect(broker.id, now_ms);
        }
        Controller { settings, liveness }
    }

    /// The controller's settings.
    pub fn settings(&self) -> &ControllerSettings {
        &self.settings
    }
}
