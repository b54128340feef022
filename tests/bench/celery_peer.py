"""Celery as a peer of the broker: celery_peer.py PORT WORKERS TASKS SECONDS prints tasks per second.

Celery with redis as its broker, which it finds on PORT: tasks of 256 bytes that do nothing,
acknowledged after they ran (acks_late), results ignored, WORKERS processes of its own pool. What it
does beside that (events, gossip, heartbeats) is switched off. A task is done when it is neither in
the queue nor unacknowledged. All else is as Celery comes.
"""
import os
import subprocess
import sys
import time

from celery import Celery

PORT = int(os.environ.get("PEER_PORT", "0") or 0)
app = Celery("celery_peer", broker=f"redis://127.0.0.1:{PORT}/0")
app.conf.update(task_acks_late=True, task_ignore_result=True, worker_send_task_events=False)


@app.task(name="nothing")
def nothing(payload):
    return len(payload)


def left(redis):
    return redis.llen("celery") + redis.hlen("unacked")


def wait_for(condition, seconds):
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > until:
            raise SystemExit("celery_peer: the workers do nothing")
        time.sleep(0.05)


def main():
    port, workers, tasks, seconds = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
    os.environ["PEER_PORT"] = port
    app.conf.broker_url = f"redis://127.0.0.1:{port}/0"
    import redis
    client = redis.Redis(port=int(port))
    payload = "x" * 256
    client.config_set("appendfsync", "no")
    with app.producer_pool.acquire(block=True) as producer:
        for _ in range(tasks):
            nothing.apply_async((payload,), producer=producer)
    os.sync()
    client.config_set("appendfsync", "always")
    worker = subprocess.Popen(
        [sys.executable, "-m", "celery", "-A", "celery_peer", "worker", "-c", workers, "-l", "ERROR",
         "--without-gossip", "--without-mingle", "--without-heartbeat"],
        cwd=os.path.dirname(os.path.abspath(__file__)), stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env=dict(os.environ, PYTHONDONTWRITEBYTECODE="1"))
    try:
        wait_for(lambda: left(client) < tasks - 20, 90)
        first, begin = left(client), time.monotonic()
        while time.monotonic() - begin < seconds and left(client) > 50:
            time.sleep(0.05)
        print(round((first - left(client)) / (time.monotonic() - begin)))
    finally:
        worker.terminate()
        try:
            worker.wait(10)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()


if __name__ == "__main__":
    main()
