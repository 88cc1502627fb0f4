"""Reading videos frame by frame and writing them, with memory for a few frames only."""

from rapsam.data.videos.reader import FrameTimes, TimedFrame, VideoFrames
from rapsam.data.videos.streams import SUFFIXES
from rapsam.data.videos.writer import VideoWriter

__all__ = ["SUFFIXES", "FrameTimes", "TimedFrame", "VideoFrames", "VideoWriter"]
