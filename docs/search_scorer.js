// Orders the results of a search: pages for users first, records of decisions and of changes last.

// Words that people look for, and the page that answers them. A test holds that it has the word.
const ANSWERS = {
  "airflow": "how-to/airflow",
  "append": "how-to/layouts",
  "atomic": "explanation/reliability",
  "checksum": "how-to/partner-files",
  "cron": "how-to/run-again",
  "daily": "how-to/partner-files",
  "databricks": "how-to/databricks",
  "done file": "how-to/partner-files",
  "dry run": "how-to/plan-a-job",
  "download": "how-to/command-line",
  "ebcdic": "how-to/fixed-width",
  "exactly once": "how-to/run-again",
  "fixed width": "how-to/fixed-width",
  "gzip": "how-to/layouts",
  "header": "how-to/partner-files",
  "idempotent": "how-to/run-again",
  "incremental": "how-to/ingest",
  "install": "tutorial/first-write",
  "key": "how-to/log-in",
  "passphrase": "how-to/log-in",
  "password": "how-to/log-in",
  "profile": "how-to/connections",
  "rclone": "explanation/which-tool",
  "retry": "how-to/run-again",
  "schema": "how-to/read",
  "secret": "how-to/log-in",
  "tar": "how-to/archives",
  "stream": "how-to/ingest",
  "trailer": "how-to/partner-files",
  "upload": "how-to/command-line",
  "zip": "how-to/archives",
};

const QUERY = (new URLSearchParams(window.location.search).get("q") || "").toLowerCase();

var Scorer = {
  // A result is [page, title, anchor, description, score, file, …].
  score: function (result) {
    const page = result[0];
    let score = result[4];
    for (const [word, answer] of Object.entries(ANSWERS))
      if (page === answer && new RegExp(`\\b${word}`).test(QUERY)) score += 100;
    if (/^(decisions\/|changelog|contributing)/.test(page)) return score - 1000;
    if (/^(explanation\/|reference\/api)/.test(page)) return score - 3;
    if (/^(index|tutorial\/|how-to\/)/.test(page)) return score + 5;
    return score;
  },
  // Sphinx's own values.
  objNameMatch: 11,
  objPartialMatch: 6,
  objPrio: { 0: 15, 1: 5, 2: -5 },
  objPrioDefault: 0,
  title: 15,
  partialTitle: 7,
  term: 5,
  partialTerm: 2,
};
