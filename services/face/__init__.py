"""Face service: speech audio in, 61 ARKit blendshape curves at 60 frames a second out."""
