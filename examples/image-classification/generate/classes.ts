/** The classes, in the order of the model's outputs, and how each is placed in a street. */
import { drawBench } from './objects/bench.ts';
import { drawBicycle } from './objects/bicycle.ts';
import { drawBus } from './objects/bus.ts';
import { drawCar } from './objects/car.ts';
import { drawDog } from './objects/dog.ts';
import type { DrawObject } from './objects/drawing.ts';
import { drawFireHydrant } from './objects/fire-hydrant.ts';
import { drawPedestrian } from './objects/pedestrian.ts';
import { drawStopSign } from './objects/stop-sign.ts';
import { drawTrafficLight } from './objects/traffic-light.ts';
import { drawTree } from './objects/tree.ts';

export interface SceneClass {
  readonly label: string;
  readonly draw: DrawObject;
  /** What it stands on. */
  readonly ground: 'road' | 'pavement';
}

export const SCENE_CLASSES: readonly [SceneClass, ...SceneClass[]] = [
  { label: 'bench', draw: drawBench, ground: 'pavement' },
  { label: 'bicycle', draw: drawBicycle, ground: 'road' },
  { label: 'bus', draw: drawBus, ground: 'road' },
  { label: 'car', draw: drawCar, ground: 'road' },
  { label: 'dog', draw: drawDog, ground: 'pavement' },
  { label: 'fire hydrant', draw: drawFireHydrant, ground: 'pavement' },
  { label: 'pedestrian', draw: drawPedestrian, ground: 'pavement' },
  { label: 'stop sign', draw: drawStopSign, ground: 'pavement' },
  { label: 'traffic light', draw: drawTrafficLight, ground: 'pavement' },
  { label: 'tree', draw: drawTree, ground: 'pavement' },
];
