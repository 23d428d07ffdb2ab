"""Serves the H.264 track of an MP4 file as rtsp://127.0.0.1:PORT/walk, to everybody or to one user:
serve.py PORT FILE [USER PASSWORD]. Exits with 69 where GStreamer's RTSP server is not installed.
"""

import sys

try:
    import gi

    for library in ["Gst", "GstRtsp", "GstRtspServer"]:
        gi.require_version(library, "1.0")
    from gi.repository import GLib, Gst, GstRtsp, GstRtspServer
except (ImportError, ValueError) as error:
    print(error, file=sys.stderr)
    sys.exit(69)

port, file, *login = sys.argv[1:]
Gst.init(None)
server = GstRtspServer.RTSPServer(address="127.0.0.1", service=port)
media = GstRtspServer.RTSPMediaFactory()
media.set_launch(f"( filesrc location=\"{file}\" ! qtdemux ! rtph264pay name=pay0 config-interval=-1 )")
if login:
    user, password = login
    auth = GstRtspServer.RTSPAuth()
    auth.set_supported_methods(GstRtsp.RTSPAuthMethod.DIGEST)
    token = GstRtspServer.RTSPToken()
    token.set_string(GstRtspServer.RTSP_TOKEN_MEDIA_FACTORY_ROLE, "viewer")
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    permissions = GstRtspServer.RTSPPermissions()
    for permission in ["access", "construct"]:
        permissions.add_permission_for_role("viewer", f"media.factory.{permission}", True)
    media.set_permissions(permissions)
server.get_mount_points().add_factory("/walk", media)
if server.attach(None) == 0:
    sys.exit(f"port {port} cannot be listened on")
print("serving", flush=True)
GLib.MainLoop().run()
