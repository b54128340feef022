/*  The Prometheus text (format 0.0.4): every metric with HELP and TYPE, from running counts. */
#include "broker/internal.h"

#include <inttypes.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

static void states (aut_buffer_t *out, const aut_core_metrics_t *m)
{
    aut_metric_head (out, "jobs", "gauge", "Jobs that the broker holds, by state.");
    for (int i = 0; i < AUT_JOB_STATES; i++)
        aut_buffer_format (out, "auteur_jobs{state=\"%s\"} %" PRIu64 "\n",
                           aut_job_state_text ((aut_job_state_t)i), m->jobs[i]);
    aut_metric_head (out, "tasks", "gauge", "Tasks that the broker holds, by state.");
    for (int i = 0; i < AUT_TASK_STATES; i++)
        aut_buffer_format (out, "auteur_tasks{state=\"%s\"} %" PRIu64 "\n",
                           aut_task_state_text ((aut_task_state_t)i), m->tasks[i]);
    aut_metric_head (out, "nodes", "gauge", "Nodes, by state.");
    for (int i = 0; i < AUT_NODE_STATES; i++)
        aut_buffer_format (out, "auteur_nodes{state=\"%s\"} %" PRIu64 "\n",
                           aut_node_state_text ((aut_node_state_t)i), m->nodes[i]);
    aut_metric_head (out, "workers", "gauge", "Workers of the nodes online, by state.");
    aut_buffer_format (out,
                       "auteur_workers{state=\"idle\"} %" PRIu64
                       "\nauteur_workers{state=\"busy\"} %" PRIu64 "\n",
                       m->workers_idle, m->workers_busy);
}

/*  What a scaler asks for: ready alone would scale busy nodes away. Tasks name no class, but whose
 *  model wants device memory is meant for a GPU; "any" and "cuda" are there when nobody waits, too,
 *  as a scaler takes a missing line for an error. */
static void demand (aut_broker_t *self, aut_buffer_t *out, const aut_core_metrics_t *m)
{
    uint64_t any = 0, cuda = aut_core_demand_of_memory (self->core);
    aut_metric_head (out, "demand", "gauge", "Tasks that are ready or running, by device class.");
    for (uint32_t i = 0; i < m->class_count; i++) {
        uint64_t count = m->classes[i].ready + m->classes[i].leased;
        if (!m->classes[i].name[0])
            any = count > cuda ? count - cuda : 0;
        else if (strcmp (m->classes[i].name, "cuda") != 0)
            aut_buffer_format (out, "auteur_demand{class=\"%s\"} %" PRIu64 "\n", m->classes[i].name,
                               count);
    }
    for (uint32_t i = 0; i < m->class_count; i++)
        if (strcmp (m->classes[i].name, "cuda") == 0)
            cuda += m->classes[i].ready + m->classes[i].leased;
    aut_buffer_format (out,
                       "auteur_demand{class=\"any\"} %" PRIu64
                       "\nauteur_demand{class=\"cuda\"} %" PRIu64 "\n",
                       any, cuda);
}

static void counters (aut_buffer_t *out, const aut_core_metrics_t *m)
{
    const struct {
        const char *name, *help;
        uint64_t value;
    } table[] = {
        {"core_events_total", "Events that the core took.", m->events},
        {"jobs_submitted_total", "Jobs accepted.", m->submitted},
        {"tasks_assigned_total", "Leases handed out.", m->assigned},
        {"results_total", "Results committed.", m->results},
        {"results_cached_total", "Tasks done by an earlier result.", m->cached},
        {"attempts_failed_total", "Attempts that failed.", m->failures},
        {"tasks_failed_total", "Tasks that failed for good.", m->failed},
        {"leases_lost_total", "Leases that ended without a result.", m->lost_leases},
        {"nodes_lost_total", "Nodes that went silent.", m->lost_nodes},
        {"attempts_adopted_total", "Attempts adopted after a restart or reconnect.", m->adopted},
        {"attempts_aborted_total", "Attempts that nodes were told to stop.", m->aborted},
        {"leases_released_total", "Leases that nodes gave back.", m->released},
        {"stale_messages_total", "Messages under a token that does not count.", m->stale},
        {"out_of_memory_total", "Attempts for which a device was too small.", m->out_of_memory},
        {"requests_refused_total", "Requests refused because a table was full.", m->refused},
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        aut_metric_one (out, table[i].name, "counter", table[i].help, table[i].value);
}

/*  How leases ended. Those of a cancelled job are none of these. */
static void attempts (aut_buffer_t *out, const aut_core_metrics_t *m)
{
    const struct {
        const char *result;
        uint64_t value;
    } table[] = {{"done", m->results},
                 {"failed", m->failures},
                 {"lost", m->lost_leases},
                 {"released", m->released},
                 {"moved", m->moved}};
    aut_metric_head (
        out, "attempts_total", "counter",
        "Attempts by how they ended: done, failed, lost with their node, released by a "
        "node that drains, moved to a device with more memory.");
    for (size_t i = 0; i < sizeof table / sizeof *table; i++)
        aut_buffer_format (out, "auteur_attempts_total{result=\"%s\"} %" PRIu64 "\n",
                           table[i].result, table[i].value);
    aut_metric_one (out, "leases", "gauge", "Leases that are out now.", m->tasks[AUT_TASK_LEASED]);
}

static void refusals (aut_broker_t *self, aut_buffer_t *out)
{
    aut_metric_head (out, "refused_total", "counter", "What was refused, by reason.");
    for (int i = 0; i < AUT_REFUSED_REASONS; i++)
        aut_buffer_format (out, "auteur_refused_total{reason=\"%s\"} %" PRIu64 "\n",
                           aut_refused_text ((aut_refused_t)i),
                           aut_refusals_count (self->refusals, (aut_refused_t)i));
}

static void machinery (aut_broker_t *self, aut_buffer_t *out)
{
    aut_store_stats_t stats;
    uint64_t count, bytes;
    uint64_t us = __atomic_load_n (&self->commit_us, __ATOMIC_RELAXED);
    aut_store_stats (self->store, &stats);
    aut_blobs_stats (self->blobs, &count, &bytes);
    aut_metric_one (out, "store_bytes", "gauge", "Size of the database with its log.", stats.bytes);
    aut_metric_one (out, "store_commits_total", "counter", "Transactions committed.",
                    stats.commits);
    aut_metric_head (out, "store_commit_seconds_total", "counter", "Time spent in commits.");
    aut_buffer_format (out, "auteur_store_commit_seconds_total %" PRIu64 ".%06u\n", us / 1000000,
                       (unsigned)(us % 1000000));
    aut_metric_one (out, "store_failing", "gauge", "1 while commits fail and no new work is taken.",
                    __atomic_load_n (&self->store_error, __ATOMIC_ACQUIRE) != 0);
    aut_metric_one (out, "blobs", "gauge", "Artifacts stored.", count);
    aut_metric_one (out, "blob_bytes", "gauge", "Bytes of artifacts stored.", bytes);
    aut_metric_one (out, "artifact_received_bytes_total", "counter", "Artifact bytes received.",
                    __atomic_load_n (&self->data_received, __ATOMIC_RELAXED));
    aut_metric_one (out, "artifact_sent_bytes_total", "counter", "Artifact bytes sent.",
                    __atomic_load_n (&self->data_sent, __ATOMIC_RELAXED));
    aut_metric_one (out, "inbox_waiting", "gauge", "Events that wait for the loop.",
                    aut_mailbox_count (self->inbox));
    aut_metric_one (out, "queries_total", "counter", "Status queries answered.",
                    __atomic_load_n (&self->queries_answered, __ATOMIC_RELAXED));
    aut_metric_one (out, "events_down", "gauge",
                    "1 while the port of events cannot be listened on.",
                    __atomic_load_n (&self->events_down, __ATOMIC_RELAXED) != 0);
    aut_metric_one (out, "events_waiting", "gauge", "Events that wait to be sent.",
                    aut_mailbox_count (self->to_events));
    aut_metric_one (out, "events_published_total", "counter", "Events published.",
                    self->ring.seq + 1 - self->ring.first);
}

/*  The disk of the state folder, as far as it is the broker's to fill, and the process. */
static void machine (aut_broker_t *self, aut_buffer_t *out)
{
    struct statvfs disk;
    struct timespec cpu = {0};
    unsigned long long pages = 0;
    if (statvfs (self->state_dir, &disk) == 0) {
        aut_metric_one (out, "state_free_bytes", "gauge",
                        "Free bytes of the file system that the state folder is on.",
                        (uint64_t)disk.f_bavail * disk.f_frsize);
        aut_metric_one (out, "state_size_bytes", "gauge", "Size of that file system.",
                        (uint64_t)disk.f_blocks * disk.f_frsize);
    }
    FILE *statm = fopen ("/proc/self/statm", "re");
    if (statm && fscanf (statm, "%*u %llu", &pages) == 1)
        aut_buffer_format (out,
                           "# HELP process_resident_memory_bytes Resident memory size in bytes.\n"
                           "# TYPE process_resident_memory_bytes gauge\n"
                           "process_resident_memory_bytes %llu\n",
                           pages * (unsigned long long)sysconf (_SC_PAGESIZE));
    if (statm)
        fclose (statm);
    clock_gettime (CLOCK_PROCESS_CPUTIME_ID, &cpu);
    aut_buffer_format (out,
                       "# HELP process_cpu_seconds_total Total user and system CPU time spent in "
                       "seconds.\n# TYPE process_cpu_seconds_total counter\n"
                       "process_cpu_seconds_total %lld.%03ld\n",
                       (long long)cpu.tv_sec, cpu.tv_nsec / 1000000);
}

/*  Who was let in and who was not, of a broker with keys. */
static void keys (aut_broker_t *self, aut_buffer_t *out)
{
    aut_guard_stats_t stats;
    if (!self->guard)
        return;
    aut_guard_stats (self->guard, &stats);
    aut_metric_one (out, "key_handshakes_total", "counter", "Connections let in by their key.",
                    stats.handshakes);
    aut_metric_head (out, "key_refused_total", "counter",
                     "Connections and messages refused for their key.");
    aut_buffer_format (out,
                       "auteur_key_refused_total{reason=\"unknown-key\"} %" PRIu64
                       "\nauteur_key_refused_total{reason=\"role\"} %" PRIu64
                       "\nauteur_key_refused_total{reason=\"revoked\"} %" PRIu64 "\n",
                       stats.unknown_keys, stats.wrong_roles, stats.messages);
    aut_metric_one (out, "key_lists_stale", "gauge", "1 while a list of keys cannot be read.",
                    stats.stale);
}

void aut_broker_metrics (aut_broker_t *self, aut_buffer_t *out)
{
    const aut_core_metrics_t *m = aut_core_metrics (self->core);
    aut_metric_head (out, "build_info", "gauge", "1, with the version as a label.");
    aut_buffer_format (out, "auteur_build_info{version=\"%s\"} 1\n", AUTEUR_VERSION);
    aut_metric_one (out, "epoch", "gauge", "Epoch of this broker: identity << 20 | its starts.",
                    self->endpoints.epoch);
    aut_metric_one (out, "uptime_seconds", "gauge", "Seconds since the broker started.",
                    (uint64_t)(aut_mono_ms (self->clock) - self->started_ms) / 1000);
    aut_metric_one (out, "ready", "gauge", "1 while new work is taken, as /readyz says.",
                    aut_broker_objects (self) == NULL);
    states (out, m);
    demand (self, out, m);
    aut_metrics_queues (self, out);
    counters (out, m);
    attempts (out, m);
    aut_metrics_nodes (self, out);
    refusals (self, out);
    machinery (self, out);
    machine (self, out);
    aut_meters_put (&self->meters, out);
    keys (self, out);
}
