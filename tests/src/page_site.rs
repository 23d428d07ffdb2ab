//! A site with a page and a lab, for tests of both.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use camera_node::Feature;
use camera_node::Policy;
use camera_node::preprocess::Preprocessor;
use camera_node::source::{FolderSource, Pull, Repeat, Source};
use cipherframe::{PoolSpec, Quantiser, SchemeId, StreamSpec, max_pool};
use viewer::anomaly::{MapShape, Trainer};
use viewer::{AnomalyConfig, LabConfig, ViewerConfig, WebConfig};
use wire::role::NodeRole;

use crate::camera::{RunningCamera, configuration};
use crate::data_folder::committed;
use crate::key_cache::key_set;
use crate::site::{CAMERA, Site};
use crate::stack::{Stack, start_broker};

/// The camera of the lab.
pub const LAB: &str = "lab";

/// A site with the keys of scheme bfv, a page on a free port and a lab.
pub async fn start(name: &str, change: impl FnOnce(&mut ViewerConfig)) -> Stack {
    let mut site = Site::new(name);
    site.enroll(LAB, NodeRole::Camera);
    let signing_key = site.signing_key(LAB);
    let keys = key_set(SchemeId::Bfv);
    let public_keys = vec![keys.join(client_key::PUBLIC_KEY_FILE)];
    Stack::start_configured(start_broker().await, site, &[keys], |viewer| {
        viewer.web = Some(WebConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            ..WebConfig::default()
        });
        viewer.lab = Some(LabConfig {
            name: LAB.parse().unwrap(),
            signing_key,
            public_keys,
        });
        change(viewer);
    })
    .await
}

/// The stream of the demo that runs at the rate of a camera: 96x54 motion at three levels.
pub fn live_spec() -> StreamSpec {
    let quantiser = Quantiser::from_thresholds(vec![8, 20, 45]).unwrap();
    let pool = PoolSpec::new(2, 2, 0).unwrap();
    StreamSpec::new(SchemeId::Bfv, 96, 54, quantiser, pool).unwrap()
}

/// Watches [`CAMERA`] with what the first clip of the samples shows, where nothing unusual happens.
pub fn sample_watch() -> AnomalyConfig {
    let spec = live_spec();
    let normal = committed("samples/1-walk");
    let mut source = FolderSource::open(&normal, None, Repeat::Once).unwrap();
    let mut preprocessor = Preprocessor::new(spec.clone(), Feature::Motion);
    let mut trainer: Option<Trainer> = None;
    while let Pull::Frame(frame) = source.next().unwrap() {
        let quantised = preprocessor.prepare(frame).unwrap().quantised;
        let map = max_pool(&quantised, spec.pool()).unwrap();
        let trainer = trainer.get_or_insert_with(|| Trainer::new(MapShape::of(&map)).unwrap());
        trainer.learn(&map).unwrap();
    }
    let model = trainer.unwrap().model().unwrap();
    let mut watch = AnomalyConfig::default();
    watch.given.insert(CAMERA.parse().unwrap(), Arc::new(model));
    watch
}

/// A camera that shows the bundled samples over and over, `fps` frames a second.
pub fn sample_camera(stack: &Stack, fps: u32) -> RunningCamera {
    let interval = Some(Duration::from_secs(1) / fps);
    let source = FolderSource::open(&committed("samples"), interval, Repeat::Forever).unwrap();
    let (site, spec) = (&stack.site, live_spec());
    let mut config = configuration(site, CAMERA, stack.address(), Feature::Motion, &spec, 2);
    config.delivery.policy = Policy::Latest;
    config.delivery.credit = NonZeroU32::new(2).unwrap();
    RunningCamera::start_configured(config, Box::new(source))
}
