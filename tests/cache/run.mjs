// Runs the public tests of HTTP caches (http-tests/cache-tests) against a gateway and prints what fails.
//
// The first argument is the gateway's program. The tests' own origin listens on 18000, where conf/ leads. Tests that are
// for private caches, or that depend on one that does not pass, are counted apart.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import fetch from 'node-fetch'

process.env.npm_config_id = ''
process.env.npm_config_protocol = 'http'
process.env.npm_config_port = '18000'
process.env.npm_config_pidfile = '/dev/null'

const BASE = 'http://127.0.0.1:18280/c'
const suite = './node_modules/http-cache-tests'
const gateway = spawn(process.argv[2], ['run', '--conf', 'conf'], { stdio: ['ignore', 'ignore', 'inherit'] })
const origin = spawn('node', [`${suite}/server/server.mjs`], { stdio: ['ignore', 'ignore', 'inherit'] })

async function ready () {
  for (const deadline = Date.now() + 30000; Date.now() < deadline;) {
    const status = await fetch(`${BASE}/`).then(response => response.status, () => 0)
    if (status > 0 && status < 500) return
    await new Promise(resolve => setTimeout(resolve, 100))
  }
  throw new Error('the gateway or the origin does not answer')
}

async function run () {
  await ready()
  const { runTests, getResults } = await import(`${suite}/client/runner.mjs`)
  const { determineTestResult } = await import(`${suite}/lib/display.mjs`)
  const { default: tests } = await import(`${suite}/tests/index.mjs`)
  await runTests(tests, fetch, false, BASE)
  const results = getResults()
  const counts = {}
  for (const { tests: each } of tests) {
    for (const test of each) {
      const kind = test.kind || 'required'
      const result = results[test.id]
      const isSkipped = result === undefined || determineTestResult(tests, test.id, results, false)[1] === '#4c61ae'
      const outcome = result === true ? 'passed' : isSkipped ? 'skipped' : 'failed'
      counts[`${kind} ${outcome}`] = (counts[`${kind} ${outcome}`] || 0) + 1
      if (outcome === 'failed' && kind !== 'check') console.log(`${kind} ${test.id}: ${test.name}: ${result[1]}`)
    }
  }
  console.log(counts)
  // README.md says which do not, and why.
  return counts['required passed'] >= 151 && counts['optimal passed'] >= 80
}

let isGood = false
try {
  isGood = await run()
} catch (error) {
  console.error(error)
}
for (const child of [gateway, origin]) {
  child.kill()
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
}
process.exit(isGood ? 0 : 1)
