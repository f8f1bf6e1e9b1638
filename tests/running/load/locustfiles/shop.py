"""A shop and its visitors, in the style of Locust's quickstart."""

import time
import urllib.request

import httpx2
import requests
from locust import FastHttpUser, HttpUser, LoadTestShape, SequentialTaskSet, User, between, constant, events, tag, task
from openai import OpenAI

from harness.locust import OpenUser


class Shopper(HttpUser):
    host = "https://shop.example"
    wait_time = between(0.02, 0.05)

    def on_start(self):
        self.client.post("/login", json={"username": "foo", "password": "bar"})

    def on_stop(self):
        self.client.post("/logout")

    @task
    def hello_world(self):
        self.client.get("/hello")
        self.client.get("/world")

    @task(3)
    def view_items(self):
        for item_id in range(3):
            self.client.get(f"/item?id={item_id}", name="/item")

    @tag("never")
    @task(1000)
    def never(self):
        self.client.get("/never")


class Picky(HttpUser):
    wait_time = constant(0.02)

    @task
    class Steps(SequentialTaskSet):
        @task
        def gone(self):
            with self.client.get("/gone", catch_response=True) as response:
                if response.status_code == 404:
                    response.success()

        @task
        def wrong(self):
            with self.client.get("/hello", name="wrong", catch_response=True) as response:
                response.failure("said nothing")

        @task
        def fails(self):
            self.client.get("/broken")

        @task
        def elsewhere(self):
            self.client.get("http://127.0.0.2:9/elsewhere")

        @task
        def cut(self):
            self.client.get("/cut")

        @task
        def streams(self):
            answer = self.client.get("/stream", stream=True)
            assert list(answer.iter_lines())

        @task
        def streams_that_are_cut(self):
            list(self.client.get("/streamcut", name="cut stream", stream=True).iter_lines())

        @task
        def own_id(self):
            self.client.get("/hello", name="own id", headers={"X-Request-ID": "mine"})


class Fast(FastHttpUser):
    wait_time = constant(0.02)

    @task
    class Steps(SequentialTaskSet):
        @task
        def hello(self):
            self.client.get("/fast")
            self.client.post("/fast", json={"a": 1}, name="post")

        @task
        def streams_that_are_cut(self):
            for _ in self.client.get("/streamcut", name="fast cut stream", stream=True).iter_content():
                pass

        @task
        def cut(self):
            self.client.get("/cut", name="fast cut")

        @task
        def fails(self):
            self.client.get("/broken", name="fast broken")

        @task
        def elsewhere(self):
            self.client.get("http://127.0.0.2:9/elsewhere", name="fast elsewhere")


class Caller(User):
    wait_time = constant(0.05)

    @task
    def call(self):
        began = time.time()
        events.request.fire(
            request_type="RPC",
            name="call",
            response_time=(time.time() - began) * 1000,
            response_length=3,
            exception=None,
            context={},
            start_time=began,
        )


def told(name, ask):
    """*ask*, of which Locust is told as its documentation shows it for clients of one's own."""
    began, response, failure = time.perf_counter(), None, None
    try:
        response = ask()
    except Exception as error:  # noqa: BLE001 - as Locust's documentation has it
        failure = error
    took_ms = (time.perf_counter() - began) * 1000
    events.request.fire(
        request_type="OWN",
        name=name,
        response_time=took_ms,
        response_length=0,
        response=response,
        exception=failure,
        context={},
    )


class Own(User):
    wait_time = constant(0.02)

    def on_start(self):
        self.httpx = httpx2.Client(base_url=self.host)
        self.openai = OpenAI(base_url=f"{self.host}/v1", api_key="none", max_retries=1)

    @task
    class Steps(SequentialTaskSet):
        @task
        def by_httpx(self):
            told("own httpx", lambda: self.user.httpx.get("/own/httpx"))
            told("own broken", lambda: self.user.httpx.get("/broken").raise_for_status())

        @task
        def by_requests(self):
            told("own requests", lambda: requests.get(f"{self.user.host}/own/requests"))

        @task
        def by_urllib(self):
            headers = {"X-Request-ID": "urllib's own"}
            asked = urllib.request.Request(f"{self.user.host}/own/urllib", headers=headers)
            told("own urllib", lambda: urllib.request.urlopen(asked).read())

        @task
        def by_openai(self):
            create = self.user.openai.chat.completions.create
            told("own openai", lambda: create(model="m", messages=[{"role": "user", "content": "hello"}]))


class Asking(OpenUser):
    rate_per_s = 20

    @task
    def ask(self):
        self.client.get("/asked")


class Patient(HttpUser):
    fixed_count = 1

    @task
    def hang(self):
        self.client.get("/hang")


class Steps(LoadTestShape):
    def tick(self):
        return (10, 100) if self.get_run_time() < 60 else None
