# What is installed beside the programs. They find it relative to themselves: ../share/auteur. (lib/film
# installs the manifests.)
set (share ${CMAKE_INSTALL_DATADIR}/auteur)
install (DIRECTORY templates DESTINATION ${share})
install (DIRECTORY docs/ DESTINATION ${CMAKE_INSTALL_DOCDIR} FILES_MATCHING PATTERN "*.md"
         PATTERN "*.png" PATTERN "*.jpg")
install (FILES proto/messages.md LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
install (FILES README.md DESTINATION ${CMAKE_INSTALL_DOCDIR} OPTIONAL)
