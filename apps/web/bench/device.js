/**
 * What the browser tells of itself and of the device, as it tells it.
 * @module
 */

import { clockStep } from "./sampling.js";

const HINTS = ["platform", "platformVersion", "model", "architecture", "fullVersionList"];

/**
 * @returns {Promise<object>} See `Told` in benchmarks/runners/browser/told.py. Null where the browser does not say.
 */
export async function deviceFacts() {
  /** @type {any} */
  const browser = navigator;
  const hints = (await browser.userAgentData?.getHighEntropyValues(HINTS).catch(() => null)) ?? {};
  const battery = await charge();
  return {
    user_agent: navigator.userAgent.slice(0, 500),
    brands: (hints.fullVersionList ?? []).slice(0, 8).map(brand),
    platform: hints.platform || null,
    platform_version: hints.platformVersion || null,
    model: hints.model || null,
    architecture: hints.architecture || null,
    processors: navigator.hardwareConcurrency ?? null,
    is_secure: isSecureContext,
    is_isolated: crossOriginIsolated,
    clock_step_ms: rounded(clockStep()),
    battery_percent: battery?.percent ?? null,
    is_charging: battery?.charging ?? null,
  };
}

/** @returns {Promise<{percent: number, charging: boolean} | null>} Null where the browser does not say. */
export async function charge() {
  /** @type {any} */
  const browser = navigator;
  const battery = await browser.getBattery?.().catch(() => null);
  return battery ? { percent: rounded(100 * battery.level), charging: battery.charging } : null;
}

/**
 * @param {{brand: string, version: string}} told
 * @returns {{name: string, version: string}}
 */
function brand({ brand: name, version }) {
  return { name: name.slice(0, 80), version: version.slice(0, 80) };
}

/**
 * @param {number} value
 * @returns {number} To the millionth: clocks tell no more.
 */
export function rounded(value) {
  return Math.round(value * 1e6) / 1e6;
}
