/**
 * The models that `sluice models pull` knows: classifiers of the ONNX model zoo, trained on ImageNet
 * (1000 classes). Sizes and checksums are those of the zoo's hub manifest.
 */
import type { Preprocessing } from './model-spec.ts';

export interface PublicModel {
  readonly name: string;
  readonly title: string;
  /** Relative to the base URL. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly license: string;
  readonly preprocessing: Pick<Preprocessing, 'resize' | 'color' | 'scale' | 'mean' | 'std'>;
  readonly labels: PublicLabels;
}

/** The zoo publishes no checksum of its labels: they are checked by their form and number. */
export interface PublicLabels {
  readonly path: string;
  readonly count: number;
}

/** Serves the files themselves, those in git LFS too. */
export const MODEL_ZOO_URL = 'https://github.com/onnx/models/raw/main/';

const CLASSIFICATION = 'validated/vision/classification';
const LICENSE = 'Apache-2.0';
const LABELS: PublicLabels = { path: `${CLASSIFICATION}/synset.txt`, count: 1000 };
const IMAGENET = {
  resize: 256,
  color: 'RGB',
  scale: 255,
  mean: [0.485, 0.456, 0.406],
  std: [0.229, 0.224, 0.225],
} as const;

export const PUBLIC_MODELS: readonly PublicModel[] = [
  {
    name: 'mobilenetv2',
    title: 'MobileNetV2, 32-bit float',
    path: `${CLASSIFICATION}/mobilenet/model/mobilenetv2-12.onnx`,
    bytes: 13_964_571,
    sha256: 'c0c3f76d93fa3fd6580652a45618618a220fced18babf65774ed169de0432ad5',
    license: LICENSE,
    preprocessing: IMAGENET,
    labels: LABELS,
  },
  {
    name: 'mobilenetv2-int8',
    title: 'MobileNetV2, 8-bit (QDQ)',
    path: `${CLASSIFICATION}/mobilenet/model/mobilenetv2-12-qdq.onnx`,
    bytes: 3_593_903,
    sha256: '41a36090dafe98f4ad8f9b7fe0b218c56ac3c031e547f0367c30655d2702bffe',
    license: LICENSE,
    preprocessing: IMAGENET,
    labels: LABELS,
  },
  {
    name: 'resnet18',
    title: 'ResNet-18 v2, 32-bit float',
    path: `${CLASSIFICATION}/resnet/model/resnet18-v2-7.onnx`,
    bytes: 46_806_737,
    sha256: '3b4d048057854022232aa20bf68262e31718ab7119a17f920b8a2dc1433f824b',
    license: LICENSE,
    preprocessing: IMAGENET,
    labels: LABELS,
  },
  {
    name: 'resnet50',
    title: 'ResNet-50 v1, 32-bit float',
    path: `${CLASSIFICATION}/resnet/model/resnet50-v1-12.onnx`,
    bytes: 102_576_593,
    sha256: '3f03fdef724b22947eed826f1eef1dc5c34151bb4c37d634f1db89dfa2dd1526',
    license: LICENSE,
    preprocessing: IMAGENET,
    labels: LABELS,
  },
  {
    name: 'resnet50-int8',
    title: 'ResNet-50 v1, 8-bit',
    path: `${CLASSIFICATION}/resnet/model/resnet50-v1-12-int8.onnx`,
    bytes: 25_816_052,
    sha256: 'c234f30975989788b4405f25253275aae247ab6dbdd34aaa69ab0a59ff76f6d0',
    license: LICENSE,
    preprocessing: IMAGENET,
    labels: LABELS,
  },
  {
    name: 'resnet101',
    title: 'ResNet-101 v1, 32-bit float',
    path: `${CLASSIFICATION}/resnet/model/resnet101-v1-7.onnx`,
    bytes: 178_914_043,
    sha256: '760702f6ec0138f71ebac66f4e95d1c72dc9267a8544f4d4667a53075fd0497c',
    license: LICENSE,
    preprocessing: IMAGENET,
    labels: LABELS,
  },
];
