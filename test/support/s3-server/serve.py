"""OpenStack Swift with its s3api in one process: account, container, object and proxy server on free ports of loopback.

Run by ../s3-server.ts as `python3 serve.py FOLDER` with FOLDER empty. Writes the port to standard output when it answers;
ends when standard input ends, and takes FOLDER with it, so that it outlives nobody.
"""
import getpass
import os
import shutil
import socket
import sys

FOLDER = sys.argv[1]
os.environ['SWIFT_CONF'] = os.path.join(FOLDER, 'swift.conf')


def write(name, text):
    path = os.path.join(FOLDER, name)
    with open(path, 'w') as file:
        file.write(text)
    return path


write('swift.conf', '[swift-hash]\nswift_hash_path_prefix = any\nswift_hash_path_suffix = thing\n[storage-policy:0]\nname = gold\ndefault = yes\n')

from swift.common import utils  # noqa: E402  it reads swift.conf
utils.eventlet_monkey_patch()

import time  # noqa: E402
import eventlet  # noqa: E402
from swift.common.ring.builder import RingBuilder  # noqa: E402
from swift.common.wsgi import run_server  # noqa: E402

FILTERS = 'catch_errors gatekeeper local_cache listing_formats bulk s3api tempauth slo dlo versioned_writes'


class Cache:
    """What memcached would hold, so that not every request asks for account and container again."""

    def __init__(self):
        self.kept = {}

    def get(self, key, *_, **__):
        value, until = self.kept.get(key, (None, 0))
        return value if until == 0 or until > time.time() else None

    def set(self, key, value, *_, time=0, **__):
        self.kept[key] = (value, time and globals()['time'].time() + time)

    def incr(self, key, delta=1, time=0, **__):
        count = max(0, int(self.get(key) or 0) + delta)
        self.set(key, count, time=time)
        return count

    def decr(self, key, delta=1, **others):
        return self.incr(key, -delta, **others)

    def delete(self, key, *_, **__):
        self.kept.pop(key, None)


def local_cache(_conf, **_others):
    cache = Cache()

    def wrap(app):
        def answer(env, start_response):
            env['swift.cache'] = cache
            return app(env, start_response)
        return answer
    return wrap


def make_ring(name, port):
    builder = RingBuilder(8, 1, 0)
    builder.add_dev({'region': 1, 'zone': 1, 'weight': 1, 'ip': '127.0.0.1', 'port': port, 'device': 'disk', 'replication_ip': '127.0.0.1', 'replication_port': port, 'meta': ''})
    builder.rebalance()
    builder.get_ring().save(os.path.join(FOLDER, f'{name}.ring.gz'))


def defaults():
    return f'[DEFAULT]\ndevices = {FOLDER}\nmount_check = false\nbind_ip = 127.0.0.1\nuser = {getpass.getuser()}\nswift_dir = {FOLDER}\nlog_level = ERROR\nlog_address = /nowhere\n'


def proxy_conf():
    sections = ''.join(f'[filter:{name}]\nuse = egg:swift#{name}\n' for name in FILTERS.split() if name not in ('local_cache', 's3api', 'tempauth'))
    return f"""{defaults()}
[pipeline:main]
pipeline = {FILTERS} proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:tempauth]
use = egg:swift#tempauth
user_test_tester = testing .admin
[filter:s3api]
use = egg:swift#s3api
s3_acl = false
location = us-east-1
[filter:local_cache]
paste.filter_factory = serve:local_cache
{sections}"""


def listen():
    sock = eventlet.listen(('127.0.0.1', 0), backlog=1024)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # else every get waits 40 ms for the second of two small pieces
    return sock


def start(name, conf, sock):
    path = write(f'{name}.conf', conf)
    eventlet.spawn(run_server, {'__file__': path}, utils.get_logger({'log_level': 'ERROR'}, name), sock, {'log_name': name})


def main():
    # Each server would begin with a hub of its own, and the ones before it would never be called again. Threads have no hub yet.
    use_hub = eventlet.hubs.use_hub
    use_hub()
    eventlet.hubs.use_hub = lambda *given: None if hasattr(eventlet.hubs._threadlocal, 'hub') else use_hub(*given)
    os.mkdir(os.path.join(FOLDER, 'disk'))
    for name in ('object', 'container', 'account'):
        sock = listen()
        make_ring(name, sock.getsockname()[1])
        start(name, f'{defaults()}[pipeline:main]\npipeline = {name}-server\n[app:{name}-server]\nuse = egg:swift#{name}\n', sock)
    proxy = listen()
    start('proxy', proxy_conf(), proxy)
    eventlet.sleep(0)
    print(proxy.getsockname()[1], flush=True)
    eventlet.hubs.trampoline(0, read=True)
    shutil.rmtree(FOLDER, ignore_errors=True)
    os._exit(0)


if __name__ == '__main__':
    sys.modules['serve'] = sys.modules['__main__']
    main()
