// All in one process, so that they share a gateway and Chromium, whose starts take longer than most of the tests.
import './suites/serving.js';
import './suites/connections.js';
import './suites/enhanced.js';
import './suites/access.js';
import './suites/trouble.js';
