# SPDX-License-Identifier: Apache-2.0
"""Threads that end together: any of them may ask all to stop, and say why."""
import contextlib
import sys
import threading
import time

from thalweg.framework import errors
from thalweg.platform import tf_logging as logging


class Coordinator:
    """Threads look at should_stop(); one calls request_stop(), with an exception if it failed;
    join() waits for all and raises that exception. Exceptions of the types
    `clean_stop_exception_types` (OutOfRangeError) are an end like any other."""

    def __init__(self, clean_stop_exception_types=None):
        if clean_stop_exception_types is None:
            clean_stop_exception_types = (errors.OutOfRangeError,)
        self._clean_stop_exception_types = tuple(clean_stop_exception_types)
        self._lock = threading.Lock()
        self._stop_event = threading.Event()
        self._exception = None
        self._joined = False
        self._registered_threads = set()

    def _filter_exception(self, ex):
        """None for an exception that is a clean end."""
        value = ex[1] if isinstance(ex, tuple) else ex
        return None if isinstance(value, self._clean_stop_exception_types) else ex

    def request_stop(self, ex=None):
        """Asks all threads to stop. `ex` is an exception or what sys.exc_info() gives; that of the
        first call is raised by join()."""
        with self._lock:
            ex = self._filter_exception(ex)
            if self._joined:  # nobody would hear of it
                if isinstance(ex, tuple):
                    raise ex[1].with_traceback(ex[2])
                if ex is not None:
                    raise ex
                return
            if self._stop_event.is_set():
                return
            if ex and self._exception is None:
                value = ex[1] if isinstance(ex, tuple) else ex
                logging.info("Error reported to Coordinator: %s, %s", type(value), value)
                self._exception = ex if isinstance(ex, tuple) else \
                    (type(value), value, value.__traceback__)
            self._stop_event.set()

    def clear_stop(self):
        """Forgets that a stop was asked for: it may be used anew."""
        with self._lock:
            self._joined = False
            self._exception = None
            self._stop_event.clear()

    def should_stop(self):
        """Whether a stop was asked for."""
        return self._stop_event.is_set()

    @contextlib.contextmanager
    def stop_on_exception(self):
        """A block whose exceptions become a request to stop."""
        try:
            yield
        except:  # noqa: E722
            self.request_stop(ex=sys.exc_info())

    def wait_for_stop(self, timeout=None):
        """Waits until a stop is asked for; False: `timeout` seconds passed before."""
        return self._stop_event.wait(timeout)

    def register_thread(self, thread):
        """Adds a thread to those that join() waits for."""
        with self._lock:
            self._registered_threads.add(thread)

    def join(self, threads=None, stop_grace_period_secs=120, ignore_live_threads=False):
        """Waits for the threads, and once a stop is asked for `stop_grace_period_secs` longer; then
        raises what was reported, or RuntimeError if some do not end."""
        with self._lock:
            threads = self._registered_threads.union(threads or ())
        try:
            while any(t.is_alive() for t in threads) and not self.wait_for_stop(0.05):
                pass
        except Exception:
            self.request_stop(ex=sys.exc_info())
        end = time.monotonic() + stop_grace_period_secs
        while any(t.is_alive() for t in threads) and time.monotonic() < end:
            with contextlib.suppress(StopIteration):
                next(t for t in threads if t.is_alive()).join(
                    max(0, min(0.05, end - time.monotonic())))
        alive = [t.name for t in threads if t.is_alive()]
        with self._lock:
            self._joined = True
            self._registered_threads = set()
            exception, self._exception = self._exception, None
        if exception:
            raise exception[1].with_traceback(exception[2])
        if alive and not ignore_live_threads:
            raise RuntimeError("Coordinator stopped with threads still running: %s"
                               % " ".join(alive))
        if alive:
            logging.info("Coordinator stopped with threads still running: %s", " ".join(alive))

    @property
    def joined(self):
        """Whether join() is over."""
        return self._joined

    def raise_requested_exception(self):
        """Raises what was reported, if anything was."""
        with self._lock:
            if self._exception is not None:
                raise self._exception[1].with_traceback(self._exception[2])


class LooperThread(threading.Thread):
    """A thread that calls run_loop() (or `target`) every `timer_interval_secs`, or without pause,
    until its coordinator stops."""

    def __init__(self, coord, timer_interval_secs, target=None, args=None, kwargs=None):
        if not isinstance(coord, Coordinator):
            raise ValueError("'coord' argument must be a Coordinator: %s" % coord)
        threading.Thread.__init__(self)
        self.daemon = True
        self._coord, self._timer_interval_secs = coord, timer_interval_secs
        self._loop_target, self._loop_args, self._loop_kwargs = target, args or (), kwargs or {}
        if target is None and (args or kwargs):
            raise ValueError("'args' and 'kwargs' argument require that you also pass 'target'")
        coord.register_thread(self)

    @staticmethod
    def loop(coord, timer_interval_secs, target, args=None, kwargs=None):
        """Starts a thread that calls a function; gives the thread."""
        looper = LooperThread(coord, timer_interval_secs, target=target, args=args, kwargs=kwargs)
        looper.start()
        return looper

    def run(self):
        with self._coord.stop_on_exception():
            self.start_loop()
            if self._timer_interval_secs is None:
                while not self._coord.should_stop():
                    self.run_loop()
            else:
                # What a call takes is not added to the interval.
                due = time.monotonic()
                while not self._coord.wait_for_stop(max(0, due - time.monotonic())):
                    due += self._timer_interval_secs
                    self.run_loop()
            self.stop_loop()

    def start_loop(self):
        """Called once before the loop."""

    def stop_loop(self):
        """Called once after the loop."""

    def run_loop(self):
        """Called again and again."""
        if self._loop_target:
            self._loop_target(*self._loop_args, **self._loop_kwargs)
