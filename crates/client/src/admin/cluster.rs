//! The cluster as a whole.

use moldau_protocol::Message;
use moldau_protocol::messages::{DescribeClusterRequest, DescribeClusterResponse};

use super::Admin;
use crate::error::{ClientError, Result};
use crate::metadata::Broker;
use crate::net::Connection;

/// A cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClusterDescription {
    /// The cluster's id.
    pub id: String,
    /// The node that takes administrative requests.
    pub controller: Option<i32>,
    /// The brokers, ordered by id.
    pub brokers: Vec<Broker>,
    /// The features with their finalized levels, 0 for those that are only supported, ordered by name.
    pub features: Vec<(String, i16)>,
}

impl Admin {
    /// Describes the cluster.
    pub async fn describe_cluster(&self) -> Result<ClusterDescription> {
        let highest = DescribeClusterRequest::MAX_VERSION.min(1);
        let (connection, response) = self.cluster(0, highest, &DescribeClusterRequest::default()).await?;
        let mut brokers: Vec<Broker> = response
            .brokers
            .into_iter()
            .map(|broker| Broker {
                id: broker.broker_id,
                host: broker.host,
                port: broker.port,
                rack: broker.rack,
            })
            .collect();
        brokers.sort_by_key(|broker| broker.id);
        let features = connection.versions().features().to_vec();
        Ok(ClusterDescription {
            id: response.cluster_id,
            controller: (response.controller_id >= 0).then_some(response.controller_id),
            brokers,
            features,
        })
    }

    /// The brokers that are fenced: registered, and not (any more) in service (KIP-1073). Needs a broker of 4.0 or later.
    pub async fn fenced_brokers(&self) -> Result<Vec<Broker>> {
        const FIRST_VERSION_WITH_FENCED: i16 = 2;
        let request = DescribeClusterRequest { include_fenced_brokers: true, ..Default::default() };
        let highest = DescribeClusterRequest::MAX_VERSION;
        let (_, response) = self.cluster(FIRST_VERSION_WITH_FENCED, highest, &request).await?;
        let fenced = response.brokers.into_iter().filter(|broker| broker.is_fenced);
        let mut fenced: Vec<Broker> = fenced
            .map(|broker| Broker {
                id: broker.broker_id,
                host: broker.host,
                port: broker.port,
                rack: broker.rack,
            })
            .collect();
        fenced.sort_by_key(|broker| broker.id);
        Ok(fenced)
    }

    pub(super) async fn cluster(
        &self,
        lowest: i16,
        highest: i16,
        request: &DescribeClusterRequest,
    ) -> Result<(Connection, DescribeClusterResponse)> {
        self.retried(|| async move {
            let connection = self.core.any().await?;
            let version = connection.version_between::<DescribeClusterRequest>(lowest, highest)?;
            let mut response = connection.start(version, request)?.answer().await?;
            let message = response.error_message.take();
            ClientError::check(response.error_code, || "cluster".to_owned(), message)?;
            Ok((connection, response))
        })
        .await
    }

    /// The API versions a broker speaks: key, lowest, highest.
    pub async fn api_versions(&self) -> Result<Vec<(i16, i16, i16)>> {
        Ok(self.core.any().await?.versions().all())
    }
}
