// What k6 does for `make load`: calls at a rate that does not depend on the answers (an open loop).
// The scenario, its thresholds and the URL come from tests/endurance/load.py.

import http from "k6/http";
import { Counter } from "k6/metrics";

const scenario = JSON.parse(__ENV.SCENARIO);
const refused = new Counter("refused");
const wrong = new Counter("wrong");

export const options = {
  scenarios: { calls: scenario },
  summaryTrendStats: ["med", "p(95)", "p(99)", "max", "count"],
  discardResponseBodies: true,
  noUsageReport: true,
};

http.setResponseCallback(http.expectedStatuses(200, 429));

export default function () {
  const status = http.get(__ENV.URL, { tags: { name: "call" } }).status;
  if (status === 429) {
    refused.add(1);
  } else if (status !== 200) {
    wrong.add(1);
  }
}

export function handleSummary(data) {
  return { [__ENV.SUMMARY]: JSON.stringify(data.metrics) };
}
