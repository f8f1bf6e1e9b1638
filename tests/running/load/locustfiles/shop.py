"""A shop and its visitors, in the style of Locust's quickstart."""

import time

from locust import FastHttpUser, HttpUser, LoadTestShape, SequentialTaskSet, User, between, constant, events, tag, task

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
