"""Pages for people, and the small server that shows them: rapsam/web/page is the folder apps/web."""
