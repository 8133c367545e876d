"""NeuroSync: words, voice and face in step. Each folder is a service or a pure module that several use."""
