"""The page of one's own photos: files, a camera or examples in; boxes, answers, and a face to try things on."""

from src.live.booth import PhotoBooth as PhotoBooth
